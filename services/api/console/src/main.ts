import { mount } from "svelte";
import "./app/tokens.css";
import "./app/base.css";
import App from "./app/App.svelte";
import { language } from "./app/language.svelte";
import { theme } from "./app/theme.svelte";

language.begin();
theme.begin();
const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");
mount(App, { target });
