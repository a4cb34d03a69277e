"""What each reason for a verdict asks of the officer, and in which words.

The words name no disease, no category of a list and nobody who is not at the barrier: they are
read aloud before everybody in the queue.
"""

from typing import Final

from msgspec import Struct

from schemas.decisions import DecisionReason, ReasonKind, Verdict


class Text(Struct, frozen=True):
    """The least serious verdict that a reason allows, and its sentence in both languages."""

    verdict: Verdict
    en: str
    zh: str


TEXTS: Final[dict[ReasonKind, Text]] = {
    "order-breach": Text(
        "hold",
        "An order to stay in place is in force and nothing permits this trip. "
        "Keep apart and call the duty officer.",
        "有隔离令在执行中，且无出行许可。请就地隔开并报告值班员。",
    ),
    "listed-person": Text(
        "hold",
        "This person is on a list. Check the document again and call the duty officer.",
        "此人在核查名单上。请再次核对证件并报告值班员。",
    ),
    "listed-vehicle": Text(
        "verify",
        "This plate is on a list. Check the documents of everybody in the vehicle.",
        "该车牌在核查名单上。请核对车内所有人员证件。",
    ),
    "linked-vehicle": Text(
        "verify",
        "Check who is in this vehicle: the document of each person.",
        "请核实车内人员身份，逐一查验证件。",
    ),
    "code-red": Text("hold", "The health code is red.", "健康码为红码。"),
    "code-yellow": Text("verify", "The health code is yellow.", "健康码为黄码。"),
    "code-expired": Text(
        "verify", "The health code has expired. Have it renewed.", "健康码已过期，请刷新。"
    ),
    "fever": Text(
        "hold",
        "The temperature is high. Keep apart and call the medical post.",
        "体温偏高。请就地隔开并联系医务点。",
    ),
    "recheck": Text(
        "verify",
        "The temperature is raised. Recheck in five minutes.",
        "体温略高，请五分钟后复测。",
    ),
    "temperature-implausible": Text(
        "verify",
        "This temperature cannot be right. Measure again.",
        "体温读数异常，请重新测量。",
    ),
    "symptoms": Text(
        "verify", "Symptoms were noted. Ask the medical post.", "登记有不适症状，请咨询医务点。"
    ),
    "refusal": Text("verify", "The check was refused.", "拒绝接受检查。"),
    "covered": Text("pass", "A permit or transfer covers this trip.", "此次出行有许可或转运手续。"),
    "whitelist": Text("expedite", "Exempt: let through first.", "免检名单，优先放行。"),
    "green-channel": Text(
        "expedite",
        "Green channel: let through first, verify the papers of the trip.",
        "绿色通道，优先放行，请核对通行手续。",
    ),
    "fleet": Text("expedite", "Exempt fleet: let through first.", "免检车队，优先放行。"),
    "no-identity": Text(
        "verify", "Nobody knows yet who this is. Ask for a document.", "身份未知，请出示证件。"
    ),
    "identity-unreadable": Text(
        "verify",
        "The number of the document fails its check. Enter it again.",
        "证件号码校验未通过，请重新录入。",
    ),
    "plate-unreadable": Text(
        "verify", "The plate could not be read. Enter it again.", "车牌无法识别，请重新录入。"
    ),
    "plate-uncertain": Text(
        "verify", "The plate was read uncertainly. Compare it.", "车牌识别置信度低，请人工核对。"
    ),
    "site-unknown": Text(
        "verify", "This site is not filed. Tell the control room.", "该卡点未登记，请通知指挥中心。"
    ),
    "registers-stale": Text(
        "verify",
        "The lists cannot be reached now. Check the documents, or ask again.",
        "暂时无法查询名单。请人工核验或稍后再查。",
    ),
    "clock-ahead": Text(
        "verify", "The clock of this device is wrong. Set it.", "本设备时钟有误，请校准。"
    ),
    "not-stored": Text(
        "verify",
        "The scan is not stored yet. Keep it and send it again.",
        "记录尚未保存，请保留并重新发送。",
    ),
    "id-used-twice": Text(
        "verify",
        "Another scan has this number, so this one was not stored. Send it under a new number.",
        "该编号已被其他记录使用，本次未保存，请换编号重发。",
    ),
    "historical": Text(
        "pass",
        "This scan is old: the verdict is for then, not for now.",
        "该记录时间较早，结论仅适用于当时。",
    ),
}


def reason(kind: ReasonKind, person: int | None = None) -> DecisionReason:
    """Return a reason in its words; `person` is whom it is about, from 1."""
    text = TEXTS[kind]
    return DecisionReason(text.en, text.zh, kind, person)
