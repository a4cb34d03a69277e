// What an alert is about, in words.

import type { Alert } from "../api/types";
import { masked } from "../names/names";

export const inWords = (alert: Pick<Alert, "subject">): string => masked(alert.subject.label);
