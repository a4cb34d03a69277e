// Every word of the page, in both languages. Reasons come from the server's own table (forms.js).

import { REASONS } from "./forms.js";

const WORDS = {
  en: {
    title: "Checkpoint", language: "Language", signInTitle: "Sign in", signIn: "Sign in", signOut: "Sign out",
    token: "Device token", signInHelp: "Type the token of this handheld, or open the link that you were given. It stays in this handheld.",
    badToken: "This token is not known, or may not post scans.", place: "Where you stand", site: "Site", siteHelp: "Sites are loaded when there is a network.",
    direction: "Direction", in: "In", out: "Out", internal: "Inside", lane: "Lane", save: "Done", change: "Change",
    plate: "Plate", clear: "Clear", back: "Delete", otherKeys: "ABC", plateKeys: "Keys of the plate",
    plateFits: "Complete plate", plateWrong: "Not a plate yet", persons: "Persons", addPerson: "Add person", person: "Person {n}", remove: "Remove",
    idType: "Document", idNumber: "Number", resident_id: "Resident ID", passport: "Passport", hk_macau_permit: "HK/Macau permit",
    tw_permit: "Taiwan permit", foreign_permit: "Foreign permit", other: "Other",
    idGood: "The number fits.", idForm: "This is not the form of such a number.", idPlaceholder: "One repeated character is no number.",
    idCheck: "The check character does not fit: look at each digit.", idDate: "The date of birth is no day.", idFuture: "The date of birth is in the future.",
    verified: "Identity", document: "ID seen", officer: "Known", code: "Code", video: "Video", none: "Not",
    colour: "Health code", noCode: "Not shown", green: "Green", yellow: "Yellow", red: "Red", issuer: "Issued in (area code)",
    temperature: "Temperature °C", paperPass: "Pass", passNumber: "Number of the pass", scanCode: "Scan", stopScan: "Stop scanning", refusal: "Refuses the check",
    decide: "Check", deciding: "Checking…", next: "Next", pass: "Pass", expedite: "Let through first", verify: "Verify", hold: "Hold",
    offline: "Offline", offlineVerdict: "By the list of {n}, without the server.", noList: "Without the server and without a list.",
    until: "Good until {n}", forThen: "For {n}, not for now", notStored: "Kept here until it is stored.", stored: "Stored",
    online: "Online", queue: "{n} to send", refused: "{n} refused by the server", denied: "The token is no longer accepted. Scans are kept.",
    listAge: "List of {n}", listMissing: "No list yet", "list-old": "The list in this handheld is missing or too old. Check the documents.",
    "not-looked-up": "Without a network nobody's number can be looked up. Check the document.",
    rechecks: "Rechecks", recheckIn: "{who}: recheck in {n}", recheckDue: "{who}: recheck now", recheckDo: "Measure", onFoot: "on foot",
    problem: "Not accepted: {n}", needSite: "Choose the site first.", needSomething: "Type a plate, or add a person.", tooMany: "At most eight persons.", noCamera: "The camera cannot be used here.",
    diskFull: "This handheld cannot keep the scan: {n}",
  },
  zh: {
    title: "卡口核验", language: "语言", signInTitle: "登录", signIn: "登录", signOut: "退出",
    token: "设备令牌", signInHelp: "输入本机令牌，或打开发给您的链接。令牌保存在本机。",
    badToken: "令牌无效，或无权上报。", place: "执勤位置", site: "卡点", siteHelp: "联网后加载卡点列表。",
    direction: "方向", in: "进", out: "出", internal: "内部", lane: "车道", save: "完成", change: "更改",
    plate: "车牌", clear: "清空", back: "退格", otherKeys: "ABC", plateKeys: "车牌键盘",
    plateFits: "车牌完整", plateWrong: "车牌不完整", persons: "人员", addPerson: "添加人员", person: "人员 {n}", remove: "移除",
    idType: "证件", idNumber: "号码", resident_id: "居民身份证", passport: "护照", hk_macau_permit: "港澳通行证",
    tw_permit: "台湾通行证", foreign_permit: "外国人永居证", other: "其他",
    idGood: "号码校验通过。", idForm: "号码格式不符。", idPlaceholder: "重复字符不是有效号码。",
    idCheck: "校验位不符，请逐位核对。", idDate: "出生日期不存在。", idFuture: "出生日期在未来。",
    verified: "核验方式", document: "证件", officer: "本人认识", code: "健康码", video: "视频", none: "未核验",
    colour: "健康码", noCode: "未出示", green: "绿码", yellow: "黄码", red: "红码", issuer: "发码地（区划代码）",
    temperature: "体温 °C", paperPass: "通行证", passNumber: "通行证编号", scanCode: "扫码", stopScan: "停止扫码", refusal: "拒绝检查",
    decide: "核验", deciding: "核验中…", next: "下一位", pass: "放行", expedite: "优先放行", verify: "核实", hold: "拦下",
    offline: "离线", offlineVerdict: "依据 {n} 的名单，未经服务器核验。", noList: "本机没有名单，未经服务器核验。",
    until: "有效至 {n}", forThen: "仅适用于 {n}，非当前", notStored: "已存本机，待上传。", stored: "已保存",
    online: "在线", queue: "待上传 {n}", refused: "服务器拒收 {n} 条", denied: "令牌已失效，记录仍保存在本机。",
    listAge: "名单 {n}", listMissing: "暂无名单", "list-old": "本机名单缺失或过旧，请核对证件。",
    "not-looked-up": "离线时无法查询证件号码，请核对证件。",
    rechecks: "复测", recheckIn: "{who}：{n} 后复测", recheckDue: "{who}：请立即复测", recheckDo: "测温", onFoot: "步行",
    problem: "未受理：{n}", needSite: "请先选择卡点。", needSomething: "请输入车牌或添加人员。", tooMany: "最多八人。", noCamera: "此处无法使用摄像头。",
    diskFull: "本机无法保存记录：{n}",
  },
};

const LANGUAGE = "cordon.language";
let language = localStorage.getItem(LANGUAGE) ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export const current = () => language;

export function choose(chosen) {
  language = chosen;
  localStorage.setItem(LANGUAGE, chosen);
}

export function say(key, values = {}) {
  const text = WORDS[language][key] ?? key;
  return text.replaceAll(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const because = (reason) => reason[language] ?? REASONS[reason.kind]?.[language] ?? say(reason.kind);

export const clock = (instant) =>
  new Date(instant).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });

export function dayAndClock(instant) {
  const moment = new Date(instant);
  if (moment.toDateString() === new Date().toDateString()) return clock(instant);
  return moment.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
}

// Write all words of a part of the page.
export function translate(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
}
