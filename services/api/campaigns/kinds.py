"""Every kind of campaign, in one literal: what its items are about, what is known of them, what is
asked, how long they may take, and what its acceptance files in a register."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from schemas.alerts import Reason
from services.api.campaigns.campaign import CampaignKind
from services.api.campaigns.checklist import READINESS
from services.api.campaigns.forms import Form, FormField
from services.api.tasks.kinds import HOUR_S, KINDS_OF
from services.api.tasks.task import TaskKind

# What an item is about: a person is given by an identifier, everything else by an id.
About = Literal["person", "household", "unit", "premises", "enterprise", "call", "order"]
_DAY_S: Final = 24 * HOUR_S


class Kind(Struct, frozen=True, kw_only=True):
    """One kind; `files` is the register in which an approved item is filed."""

    name: Reason
    task: TaskKind
    about: About
    facts: Form = ()
    answers: Form = ()
    within_s: float = _DAY_S
    files: Literal["approval", "pass"] | None = None


class KindShown(Struct, frozen=True, kw_only=True):
    """One kind of campaign as a console needs it to draw its forms."""

    kind: CampaignKind
    name: Reason
    task: str
    about: str
    facts: list[FormField]
    answers: list[FormField]
    results: list[str]
    within_s: float


class KindsShown(Struct, frozen=True):
    """All kinds of campaigns."""

    items: list[KindShown]


def shown(name: CampaignKind) -> KindShown:
    """Return a kind as it is answered."""
    kind = KINDS[name]
    return KindShown(
        kind=name,
        name=kind.name,
        task=kind.task,
        about=kind.about,
        facts=list(kind.facts),
        answers=list(kind.answers),
        results=list(KINDS_OF[kind.task].results),
        within_s=kind.within_s,
    )


def _text(name: str, en: str, zh: str, *, required: bool = True) -> FormField:
    return FormField(name, "text", Reason(en, zh), required)


def _choice(name: str, en: str, zh: str, *options: str, required: bool = True) -> FormField:
    return FormField(name, "choice", Reason(en, zh), required, options)


def _yes_no(name: str, en: str, zh: str, *, required: bool = True) -> FormField:
    return FormField(name, "yes-no", Reason(en, zh), required)


def _count(name: str, en: str, zh: str, *, required: bool = True) -> FormField:
    return FormField(name, "integer", Reason(en, zh), required, (), 0, 1_000_000)


def _day(name: str, en: str, zh: str, *, required: bool = True) -> FormField:
    return FormField(name, "day", Reason(en, zh), required)


_TEMPERATURE = FormField(
    "temperature", "number", Reason("Temperature, °C", "体温"), False, (), 20, 50
)

KINDS: Final[Mapping[CampaignKind, Kind]] = {
    # From above to units, each of which reports back.
    "instruction": Kind(
        name=Reason("Instruction to units", "上级指令"),
        task="instruct",
        about="unit",
        answers=(
            _text("report", "What was done?", "落实情况", required=False),
            _count("count", "How many?", "数量", required=False),
        ),
    ),
    "canvass": Kind(
        name=Reason("Canvass of households", "入户排查"),
        task="canvass-visit",
        about="household",
        facts=(_text("building", "Building", "楼栋", required=False),),
        answers=(
            _count("people", "How many people live here?", "居住人数", required=False),
            _yes_no(
                "from_risk_area",
                "Was anybody in a risk area?",
                "是否有重点地区旅居史",
                required=False,
            ),
            _yes_no("symptoms", "Is anybody ill?", "是否有症状", required=False),
            _text("remark", "Remark", "备注", required=False),
        ),
        within_s=3 * _DAY_S,
    ),
    "needs": Kind(
        name=Reason("Needs of isolated people", "隔离人员需求"),
        task="errand",
        about="household",
        facts=(
            _choice("need", "What is needed?", "需求", "food", "medicine", "medical-care", "other"),
            _text("detail", "Which, and how much?", "详情", required=False),
        ),
        answers=(FormField("delivered", "instant", Reason("Delivered when?", "送达时间"), False),),
    ),
    "remediation": Kind(
        name=Reason("Remediation orders", "整改通知"),
        task="remedy",
        about="premises",
        facts=(_text("finding", "What was found?", "存在问题"),),
        answers=(_text("measure", "What was done about it?", "整改措施"),),
        within_s=3 * _DAY_S,
    ),
    "intake": Kind(
        name=Reason("Calls to the hotline and to 110", "热线与110接报"),
        task="answer",
        about="call",
        facts=(
            _choice("channel", "Where did it come in?", "来源", "telephone", "110", "counter"),
            _choice("kind", "What is it?", "类别", "question", "tip", "help", "complaint"),
            _text("text", "What was said?", "内容"),
        ),
        answers=(_text("answer", "What was answered?", "答复"),),
        within_s=2 * HOUR_S,
    ),
    "opening": Kind(
        name=Reason("Approvals to open", "复工复产审批"),
        task="approve",
        about="premises",
        facts=(_text("enterprise", "Enterprise", "企业", required=False),),
        answers=tuple(FormField(item.name, "yes-no", item.asks, False) for item in READINESS),
        within_s=3 * _DAY_S,
        files="approval",
    ),
    "worker-health": Kind(
        name=Reason("Daily health of workers", "员工每日健康"),
        task="report",
        about="person",
        facts=(
            _text("enterprise", "Enterprise", "企业"),
            _day("day", "Day", "日期"),
        ),
        answers=(
            _choice("health", "How are they?", "健康状况", "well", "ill", "absent"),
            _TEMPERATURE,
        ),
    ),
    "roster": Kind(
        name=Reason("Rosters of enterprises", "企业员工名册"),
        task="report",
        about="enterprise",
        answers=(
            _count("workers", "How many are on the roster?", "在册人数"),
            _count("present", "How many are present?", "在岗人数"),
            _count(
                "from_risk_area",
                "How many came from a risk area?",
                "重点地区返回人数",
                required=False,
            ),
        ),
    ),
    "questionnaire": Kind(
        name=Reason("Exposure questionnaires", "流行病学问卷"),
        task="answer",
        about="person",
        answers=(
            _yes_no("contact_with_case", "Contact with a case?", "是否接触过病例"),
            _yes_no("stayed_in_risk_area", "Stay in a risk area?", "是否到过重点地区"),
            _yes_no("symptoms", "Any symptoms?", "有无症状"),
            _text("stays", "Where in the last 14 days?", "14天内行程", required=False),
        ),
    ),
    "passes": Kind(
        name=Reason("Applications for passes", "通行证批量申请"),
        task="approve",
        about="person",
        facts=(
            _text("zone", "Zone", "区域"),
            _choice("medium", "On what?", "介质", "paper", "qr"),
        ),
        files="pass",
    ),
    "notice": Kind(
        name=Reason("Door notices and broadcasts", "张贴告知与广播"),
        task="notify",
        about="household",
        facts=(_choice("medium", "How?", "方式", "door", "broadcast", "telephone"),),
        answers=(_count("reached", "How many people were reached?", "覆盖人数", required=False),),
    ),
    # Who cannot stay at home; the bed plan is beds.py.
    "placement": Kind(
        name=Reason("Placement in facilities", "集中隔离安置"),
        task="place-in-facility",
        about="person",
        facts=(
            _choice("sex", "Sex", "性别", "female", "male"),
            _text("household", "Household", "户", required=False),
        ),
    ),
    # The manifest of a coach; who is missing is manifests.py.
    "coach": Kind(
        name=Reason("Manifest of a coach", "转运车辆名单"),
        task="transfer",
        about="person",
        facts=(_text("seat", "Seat", "座位", required=False),),
    ),
    # The contacts of a case, to be told within 24 hours (domain, scenario 6).
    "contacts": Kind(
        name=Reason("Contacts of a case", "密切接触者"),
        task="notify",
        about="person",
        facts=(
            _choice(
                "class", "Which contact?", "接触类别", "close", "secondary", "general", "possible"
            ),
            _choice(
                "certainty", "How sure?", "确定程度", "sure", "likely", "possible", required=False
            ),
            _text("exposure", "Which exposure?", "暴露方式", required=False),
            _day("date", "When was the last?", "末次接触日期"),
            _yes_no("retrospective", "Found by looking back?", "是否回溯发现", required=False),
        ),
        answers=(
            _choice("channel", "Told how?", "告知方式", "telephone", "visit", "message"),
            _yes_no("transferred", "Taken to a facility?", "是否已转运", required=False),
        ),
        within_s=_DAY_S,
    ),
}
