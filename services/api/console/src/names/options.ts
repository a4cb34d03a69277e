// What may be chosen in the forms of campaigns (services/api/campaigns/kinds.py), in the reader's
// language. An option that is newer than this console is shown as it is.

import { m } from "../paraglide/messages.js";

const OPTION: Readonly<Record<string, () => string>> = {
  food: m.names_option_food,
  medicine: m.names_option_medicine,
  "medical-care": m.names_option_medical_care,
  other: m.names_option_other,
  telephone: m.names_option_telephone,
  counter: m.names_option_counter,
  question: m.names_option_question,
  tip: m.names_option_tip,
  help: m.names_option_help,
  complaint: m.names_option_complaint,
  well: m.names_option_well,
  ill: m.names_option_ill,
  absent: m.names_option_absent,
  paper: m.names_option_paper,
  qr: m.names_option_qr,
  door: m.names_option_door,
  broadcast: m.names_option_broadcast,
  female: m.names_option_female,
  male: m.names_option_male,
  close: m.names_option_close,
  secondary: m.names_option_secondary,
  general: m.names_option_general,
  possible: m.names_option_possible,
  sure: m.names_option_sure,
  likely: m.names_option_likely,
  visit: m.names_option_visit,
  message: m.names_option_message,
};

export const optionName = (option: string): string => OPTION[option]?.() ?? option;
