// Every word of the page, in both languages, and how times are written. The language can change
// while the page runs and is remembered.

const WORDS = {
  en: {
    skip: "Skip to the alerts", subtitle: "Live alerts", language: "Language",
    signInTitle: "Sign in", signIn: "Sign in", signOut: "Sign out", token: "Token",
    signInHelp: "Paste your access token. It is exchanged for a session of 12 hours and not kept in this browser.",
    badToken: "This token is not known, or may not look at alerts.",
    linkSpent: "This sign-in link has been used already or is older than ten minutes.",
    ended: "Your session has ended. Please sign in again.",
    unreachable: "The server cannot be reached.",
    filters: "Filters", bySeverity: "Severity", byState: "State", alerts: "Alerts",
    gap: "Some changes were missed while the connection was away. The list has been loaded again.",
    dismiss: "Dismiss", older: "Load older alerts",
    keyMove: "next, previous", keyAck: "acknowledge", keyEvidence: "evidence",
    connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…",
    behind: "{n} behind", replayed: "Replayed time {n}",
    nothing: "No alerts here. New ones appear by themselves.",
    nothingFiltered: "No alert fits these filters.",
    site: "Site", order: "Order", grid: "Grid", count: "{n}×", countLong: "{n} matches",
    firstSeen: "First", lastSeen: "Last", seen: "Seen", historical: "Historical",
    historicalLong: "Reported more than 30 minutes after it happened",
    evidence: "Evidence", acknowledge: "Acknowledge", working: "Acknowledging…",
    faster: "Somebody was faster. This is the alert as it is now.",
    failed: "Not done: {n}", dispatch: "Dispatch", dispatching: "Dispatching…",
    overdue: "Overdue, level {n}", overdueOpen: "Nobody has acknowledged it in time",
    overdueAcked: "Nobody was dispatched in time", note: "Note", assignee: "Assigned to",
    announced: "{severity}: {rule}, {subject}", local: "Times in {n}", zoneUnknown: "local time",
    person: "person",
    suppressed: "Quiet: suppressed in the last 24 hours, and why",
    suppressedSum: "{n} events raised no alert, each for a reason.",
    suppressedNone: "Nothing was suppressed in the last 24 hours.",
    suppressedRest: "{n} more lines are not shown.",
    suppressedFailed: "This list cannot be loaded now.",
    times: "Events", why: "Why", rule: "Rule",
    failedCapped: "They cannot be loaded: {n}", cappedShow: "Show the {n} alerts", cappedHide: "Hide the {n} alerts",
  },
  zh: {
    skip: "跳到告警列表", subtitle: "实时告警", language: "语言",
    signInTitle: "登录", signIn: "登录", signOut: "退出", token: "令牌",
    signInHelp: "粘贴访问令牌。系统将其换为 12 小时的会话，令牌不会保存在浏览器中。",
    badToken: "令牌无效，或无权查看告警。",
    linkSpent: "该登录链接已被使用，或已超过十分钟。",
    ended: "会话已结束，请重新登录。",
    unreachable: "无法连接服务器。",
    filters: "筛选", bySeverity: "级别", byState: "状态", alerts: "告警",
    gap: "连接中断期间有变更未收到，列表已重新加载。",
    dismiss: "知道了", older: "加载更早的告警",
    keyMove: "下一条、上一条", keyAck: "确认", keyEvidence: "依据",
    connecting: "正在连接…", live: "实时", reconnecting: "正在重新连接…",
    behind: "延迟 {n}", replayed: "回放时间 {n}",
    nothing: "暂无告警，新告警会自动出现。",
    nothingFiltered: "没有符合筛选条件的告警。",
    site: "卡点", order: "隔离令", grid: "网格", count: "{n} 次", countLong: "共 {n} 次命中",
    firstSeen: "首次", lastSeen: "最近", seen: "发现", historical: "历史",
    historicalLong: "事发超过 30 分钟后才上报",
    evidence: "依据", acknowledge: "确认", working: "正在确认…",
    faster: "已有他人先行处理，以下为最新状态。",
    failed: "未能完成：{n}", dispatch: "派单", dispatching: "正在派单…",
    overdue: "超时 {n} 级", overdueOpen: "未在时限内确认", overdueAcked: "未在时限内派单", note: "备注", assignee: "负责人",
    announced: "{severity}：{rule}，{subject}", local: "时间为{n}", zoneUnknown: "本地时间",
    person: "人员",
    suppressed: "静默：最近 24 小时未告警的事件及原因",
    suppressedSum: "{n} 个事件未产生告警，均有原因。",
    suppressedNone: "最近 24 小时没有被抑制的事件。",
    suppressedRest: "另有 {n} 行未显示。",
    suppressedFailed: "暂时无法加载此列表。",
    times: "事件数", why: "原因", rule: "规则",
    failedCapped: "无法加载：{n}", cappedShow: "显示这 {n} 条告警", cappedHide: "收起这 {n} 条告警",
  },
};

export const SEVERITIES = ["critical", "high", "medium", "low", "info"];

const NAMES = {
  severity: {
    critical: ["Critical", "紧急"], high: ["High", "高"], medium: ["Medium", "中"],
    low: ["Low", "低"], info: ["Info", "提示"],
  },
  state: {
    open: ["Open", "待处理"], acked: ["Acknowledged", "已确认"], dispatched: ["Dispatched", "已派单"],
    resolved: ["Resolved", "已办结"], retracted: ["Retracted", "已撤回"],
  },
  group: {
    active: ["Active", "未办结"], open: ["Open", "待处理"], taken: ["Taken on", "处理中"],
    closed: ["Closed", "已结束"], all: ["All", "全部"],
  },
  outcome: {
    confirmed: ["confirmed", "属实"], false: ["false alarm", "误报"], authorised: ["authorised", "已获许可"],
    duplicate: ["duplicate", "重复"], expired: ["expired", "已过期"], transit: ["in transit", "过境"],
    cleared: ["cleared", "已消除"],
  },
  evidence: {
    person: ["document", "证件核验"], digital: ["code or pass", "电子凭证"], vehicle: ["vehicle only", "仅车辆"],
    tip: ["tip", "举报线索"], system: ["system", "系统"],
  },
  type: {
    "cordon.checkpoint-scan.v1": ["Checkpoint scan", "卡口扫描"], "cordon.plate-hit.v1": ["Plate read", "车牌识别"],
    "cordon.health-check.v1": ["Health check", "健康核验"], "cordon.code-change.v1": ["Code change", "转码"],
    "cordon.tip.v1": ["Tip", "举报"], "cordon.check-in.v1": ["Check-in", "打卡"], "cordon.visit.v1": ["Visit", "随访"],
    "cordon.gate-event.v1": ["Gate event", "门禁事件"], "cordon.position-fix.v1": ["Position", "定位"],
    "cordon.heartbeat.v1": ["Heartbeat", "心跳"],
  },
  rule: {
    "watch-list-hit": ["Watch-list hit", "布控命中"], "downstream-warning": ["Downstream warning", "下游预判"],
    "retrospective-hit": ["Retrospective hit", "回溯命中"], "fuzzy-plate-hit": ["Fuzzy plate hit", "疑似命中"],
    "adverse-health-code": ["Adverse health code", "红黄码"], "health-code-invalid": ["Health code invalid", "健康码无效"],
    fever: ["Fever", "发热"], "pass-invalid": ["Pass invalid", "通行证无效"], "forced-gate": ["Forced gate", "强闯"],
    "check-incomplete": ["Check incomplete", "拒检"], "quarantine-breach": ["Quarantine breach", "隔离人员外出"],
    "quarantined-vehicle-moving": ["Quarantined person’s vehicle moving", "隔离人员车辆移动"],
    "zone-crossing": ["Zone crossing", "隔离圈进出"], "missed-check-in": ["Missed check-in", "打卡缺失"],
    "watch-gap": ["Watch gap", "值守空档"], "release-due": ["Release due", "期满待解除"],
    "transfer-not-arrived": ["Transfer not arrived", "转运未到"], "breach-tip": ["Suspected breach tip", "疑似外出举报"],
    "risk-area-arrival": ["Arrival from risk area", "重点地区来返"], "first-seen-vehicle": ["First-seen vehicle", "初次入城车辆"],
    "unregistered-resident": ["Unregistered resident", "新增入住未登记"], "overnight-stay": ["Overnight stay", "落脚过夜"],
    "arrival-not-followed-up": ["Arrival not followed up", "到达未落实"], "risk-round-trip": ["Round trip to risk area", "往返重点地区"],
    "inflow-surge": ["Inflow surge", "异常流入"], "foreign-resident-unregistered": ["Foreign resident unregistered", "境外人员未登记"],
    "co-travel": ["Co-travel", "同行伴随"], "person-vehicle-link": ["Person–vehicle link", "人车同频"],
    "close-contact": ["Close-contact candidate", "密接候选"], "checkpoint-bypass": ["Checkpoint bypass", "绕行逃避"],
    "cloned-plate": ["Cloned plate", "套牌嫌疑"], "identity-conflict": ["Identity conflict", "人证轨迹矛盾"],
    "source-silent": ["Source silent", "设备静默"], "clock-skew": ["Clock skew", "时钟偏差"], "read-quality": ["Read quality", "识别质量下降"],
    "no-plate": ["No plate", "无牌遮挡"], "nil-report-missing": ["Nil report missing", "零报告缺报"],
    "opened-without-approval": ["Opened without approval", "未批复营业"], "worker-non-compliant": ["Worker non-compliant", "员工不合规"],
    "green-channel-deviation": ["Green-channel deviation", "绿色通道偏离"], "duty-no-show": ["Duty no-show", "缺岗"],
    "target-missed": ["Target missed", "指标未达"], overdue: ["Overdue", "超时"],
  },
};

const STORED = "cordon-language";
let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function remembered() {
  try {
    const kept = localStorage.getItem(STORED);
    return kept in WORDS ? kept : null;
  } catch {
    return null; // Storage is switched off: the browser's own language decides.
  }
}

export const current = () => language;

export function choose(wanted) {
  language = wanted;
  try {
    localStorage.setItem(STORED, wanted);
  } catch {
    // It holds for this visit only.
  }
}

// A text of the page; `{name}` is replaced by the value of that name, a plain value is `{n}`.
export function say(key, values = {}) {
  const named = typeof values === "object" ? values : { n: values };
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => String(named[name] ?? ""));
}

// The name of a code; one that is newer than this page is shown as it is.
export function name(kind, code) {
  const pair = NAMES[kind]?.[code];
  return pair ? pair[language === "zh" ? 1 : 0] : String(code ?? "");
}

export const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

const formats = new Map();

function format(kind, make) {
  const key = `${kind}/${language}`;
  if (!formats.has(key)) formats.set(key, make(locale()));
  return formats.get(key);
}

// An instant in local time: the clock alone today, the day too before that.
export function instant(at, now = Date.now()) {
  const day = format("day", (l) => new Intl.DateTimeFormat(l, { day: "2-digit", month: "2-digit" }));
  const full = format("year", (l) => new Intl.DateTimeFormat(l, { dateStyle: "medium" }));
  const clock = format("clock", (l) => new Intl.DateTimeFormat(l, { timeStyle: "medium", hour12: false }));
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return String(at);
  const today = new Date(now);
  if (moment.toDateString() === today.toDateString()) return clock.format(moment);
  const date = moment.getFullYear() === today.getFullYear() ? day : full;
  return `${date.format(moment)} ${clock.format(moment)}`;
}

// How long ago, in the largest unit that fits.
export function ago(at, now = Date.now()) {
  const relative = format("ago", (l) => new Intl.RelativeTimeFormat(l, { numeric: "always", style: "narrow" }));
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (Number.isNaN(seconds)) return "";
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return relative.format(-Math.floor(seconds / 86400), "day");
}

export function duration(seconds) {
  const unit = seconds < 120 ? "second" : seconds < 7200 ? "minute" : "hour";
  const size = { second: 1, minute: 60, hour: 3600 }[unit];
  return format(unit, (l) => new Intl.NumberFormat(l, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 })).format(seconds / size);
}
