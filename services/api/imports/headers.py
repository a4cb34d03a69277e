"""What columns may be called, in English and in Chinese, and which fields they are.

A column may always be called as its field is. `id_type`, `id_number`, `person`, `person_name`,
`telephone` and `home_address` are of the register's person: what identifies them goes to the vault
and never to a register.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

# The fields of the vault, by the column that fills them.
IDENTITY: Final = {"person_name": "name", "telephone": "telephone", "home_address": "address"}

# A table that is no register's: names to be checked (services/api/batches).
VERIFICATION: Final = "verification"

# Columns of every register.
EVERYWHERE: Final[dict[str, tuple[str, ...]]] = {
    "id": ("编号", "entry id"),
    "row": ("行号", "序号", "row number", "no"),
    "batch": ("批次", "批次号", "batch number"),
    "valid_from": ("生效时间", "有效期起", "有效期自", "起始有效期", "valid from"),
    "valid_to": ("失效时间", "有效期止", "有效期至", "截止有效期", "valid to", "valid until"),
    "source": ("来源", "数据来源"),
    "reason": ("事由", "原因", "依据"),
    "purpose": ("用途",),
    "grid": ("网格", "网格号", "网格编号", "所属网格"),
}
PERSON: Final[dict[str, tuple[str, ...]]] = {
    "id_type": ("证件类型", "证件种类", "id type", "document type"),
    "id_number": (
        "证件号码", "证件号", "身份证", "身份证号", "身份证号码", "公民身份号码", "id number",
        "id no", "document number",
    ),
    "person": ("人员标识", "pseudonym"),
    "person_name": ("姓名", "人员姓名", "name", "full name"),
    "telephone": ("电话", "手机", "手机号", "手机号码", "联系电话", "联系方式", "phone", "mobile"),
    "home_address": ("家庭住址", "家庭地址", "现住址", "住址", "地址", "address", "home address"),
}  # fmt: skip
_PLATE: Final = ("车牌", "车牌号", "车牌号码", "号牌", "号牌号码", "plate number", "licence plate")
_HOUSEHOLD: Final = ("户号", "家庭编号", "户编号", "household id", "household number")

# Columns of one register. The struct of each says which of its fields are required.
OF_REGISTER: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "site": {
        "name": ("名称", "卡口名称", "点位名称"), "role": ("类型", "卡口类型"),
        "zones": ("区域", "所属区域"), "mandatory": ("必经",), "heartbeat_s": ("心跳秒数",),
        "warm_until": ("预热至",), "position.lon": ("经度", "lon", "longitude"),
        "position.lat": ("纬度", "lat", "latitude"), "position.crs": ("坐标系", "crs"),
    },
    "device": {
        "site": ("卡口", "点位"), "lane": ("车道", "车道号"), "direction": ("方向",),
        "timezone": ("时区",), "plate_grammar": ("号牌规则",), "secret": ("密钥",),
        "key": ("平台密钥",), "heartbeat_s": ("心跳秒数",),
    },
    "zone": {
        "kind": ("类型", "区域类型"), "crs": ("坐标系",), "radius_m": ("半径", "半径米"),
        "geometry": ("边界",), "centre": ("中心", "中心点"),
    },
    "route": {
        "from": ("起点", "起点卡口"), "to": ("终点", "终点卡口"), "min_s": ("最短秒数",),
        "p50_s": ("通常秒数",), "via": ("途经",),
    },
    "order": {
        "class": ("人员类别", "类别"), "kind": ("隔离方式", "隔离类型"),
        "zone": ("隔离地点", "隔离区域"), "start": ("开始时间", "隔离开始"),
        "exposure_date": ("末次暴露日期", "最后接触日期", "last exposure"),
        "last_day": ("期满日", "最后一天", "解除日期"), "household": _HOUSEHOLD,
        "vehicles": _PLATE, "home_possible": ("可居家",), "channel": ("随访方式",),
        "keepers": ("值守人员", "包保人员"), "released_by": ("解除人",),
    },
    "permit": {
        "order": ("隔离令", "隔离令编号"), "from": ("开始时间",), "to": ("结束时间",),
        "places": ("地点", "前往地点"),
    },
    "transfer": {
        "orders": ("隔离令", "隔离令编号"), "from_zone": ("转出地", "起点"),
        "to_zone": ("转入地", "终点"), "window_from": ("最早出发",), "window_to": ("最晚到达",),
        "eta": ("预计到达",), "vehicle": _PLATE, "sealed": ("密闭", "全程封闭"),
    },
    "watch-entry": {
        "plate": _PLATE, "category": ("类别", "布控类别"), "sites": ("卡口", "布控卡口"),
        "direction": ("方向",),
    },
    "risk-area": {"area": ("区划代码", "地区代码", "area code"), "level": ("等级", "风险等级")},
    "arrival-notice": {
        "household": _HOUSEHOLD, "area": ("来源地", "来源地代码", "区划代码", "area code"),
        "stay_from": ("停留开始", "居留起"), "stay_to": ("停留结束", "离开日期", "居留止"),
        "arrival": ("到达时间", "到达日期", "抵达时间", "抵达日期", "返回日期"),
    },
    "resident-vehicle": {
        "plate": _PLATE, "attributes.colour": ("车身颜色", "颜色", "colour"),
        "attributes.type": ("车辆类型", "车型", "type"), "attributes.brand": ("品牌", "brand"),
    },
    "vehicle-link": {
        "plate": _PLATE, "role": ("关系", "使用关系"), "strength": ("强度", "可信度"),
    },
    "residence": {
        "address": ("地址", "住址", "居住地址", "登记地址"), "household": _HOUSEHOLD,
        "foreign": ("境外", "境外人员"),
    },
    "pass": {
        "scope": ("通行范围", "范围"), "medium": ("介质", "形式"), "revoked": ("已作废", "作废"),
    },
    "exemption": {
        "plate": _PLATE, "kind": ("类型", "免检类型"), "corridor": ("通行区域", "走廊"),
        "stops": ("停靠点",),
    },
    "facility": {"zone": ("区域",), "capacity": ("床位", "床位数", "容量")},
    "approval": {"premises": ("场所", "场所编号", "经营场所")},
    "enterprise": {
        "name": ("企业名称", "单位名称", "名称"), "officer": ("联络员", "驻企民警", "包企干部"),
    },
    "worker": {"enterprise": ("企业", "企业编号", "单位编号")},
    "reporter": {"due_local": ("报送时间", "截止时间")},
    "duty-shift": {
        "place": ("值守地点", "岗位"), "start": ("开始时间", "上岗时间"),
        "end": ("结束时间", "下岗时间"), "members": ("值守人员", "人员"),
        "min_staff": ("最少人数",), "order": ("隔离令",),
    },
    "roster": {
        "name": ("单位", "队伍名称"), "members": ("成员",), "leader": ("负责人",),
        "above": ("上级",), "place": ("值守地点",),
    },
    "responsibility": {
        "kind": ("责任类型",), "of": ("责任对象",), "unit": ("责任单位",),
        "officers": ("责任人", "包联人员"), "grids": ("网格",),
    },
    VERIFICATION: {
        "household": _HOUSEHOLD, "plate": _PLATE,
    },
    "case": {
        "class": ("病例类型", "病例分类"), "onset": ("发病日期", "发病时间"),
        "sampled": ("采样日期", "采样时间"), "isolated_at": ("隔离日期", "隔离时间"),
    },
}  # fmt: skip

# Which field of a register is its person, or its persons where the name ends in s.
PERSON_FIELD: Final[dict[str, str]] = {
    "order": "subject",
    "vehicle-link": "person",
    "residence": "person",
    "watch-entry": "person",
    "exemption": "person",
    "worker": "person",
    "case": "person",
    "transfer": "persons",
    "arrival-notice": "persons",
    "pass": "holders",
    VERIFICATION: "person",
}

# What an entry is known by where neither an id nor a batch is given.
NATURAL_KEY: Final[dict[str, tuple[str, ...]]] = {
    "resident-vehicle": ("plate",),
    "residence": ("person",),
    "risk-area": ("area",),
    "approval": ("premises",),
    "worker": ("enterprise", "person"),
    "vehicle-link": ("person", "plate"),
}

# What people write for the values of closed lists, besides the values themselves.
VALUES: Final[dict[str, str]] = {
    "边界": "boundary", "卡口": "checkpoint", "检查站": "checkpoint", "内部": "inner",
    "社区": "community", "小区": "community",
    "确诊": "confirmed", "确诊病例": "confirmed", "疑似": "suspected", "疑似病例": "suspected",
    "无症状": "asymptomatic", "无症状感染者": "asymptomatic", "排除": "excluded",
    "密切接触者": "close-contact", "密接": "close-contact", "居家隔离": "home-isolation",
    "返回人员": "returnee", "来返人员": "returnee", "重点地区返回": "risk-return",
    "隔离人员": "quarantined", "套牌": "cloned-plate",
    "居家": "home", "集中": "facility", "集中隔离": "facility",
    "电话": "phone", "上门": "visit",
    "高": "high", "高风险": "high", "中": "medium", "中风险": "medium",
    "车主": "owner", "驾驶人": "driver", "司机": "driver", "家庭成员": "household",
    "纸质": "paper", "二维码": "qr",
    "白名单": "whitelist", "绿色通道": "green-channel", "车队": "fleet",
    "进": "in", "入": "in", "出": "out",
    "封控区": "isolation", "网格": "grid", "区域": "region",
    "户": "household", "村": "village", "企业": "enterprise", "点位": "site",
    "居民身份证": "resident_id", "身份证": "resident_id", "护照": "passport",
    "港澳居民来往内地通行证": "hk_macau_permit", "港澳通行证": "hk_macau_permit",
    "回乡证": "hk_macau_permit", "台湾居民来往大陆通行证": "tw_permit", "台胞证": "tw_permit",
    "外国人永久居留身份证": "foreign_permit", "外国人永久居留证": "foreign_permit",
    "其他": "other",
}  # fmt: skip
YES: Final = frozenset({"是", "有", "yes", "y", "true", "1", "√", "✓"})
NO: Final = frozenset({"否", "无", "no", "n", "false", "0", "×", "x", "✗"})


def folded(header: str) -> str:
    """Return the form in which names of columns are compared: width, case and spacing are nothing.

    A star for "required" and what stands in brackets at the end are no part of the name.
    """
    text = unicodedata.normalize("NFKC", header).strip("*# \t:").casefold()
    head, bracket, _ = text.partition("(")
    return "".join((head if bracket and head else text).replace("_", " ").split())


@cache
def fields_of(register: str) -> Mapping[str, str]:
    """Return the folded names of the columns of a register, and the field of each."""
    named: dict[str, str] = {}
    groups = [EVERYWHERE, OF_REGISTER.get(register, {})]
    if register in PERSON_FIELD:
        groups.insert(1, PERSON)
    for group in groups:
        for field, names in group.items():
            named |= {folded(name): field for name in (field, *names)}
    return named
