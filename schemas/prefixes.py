"""What the head of a PRC plate says about where it was issued.  For display only.

Region of origin never raises an alert (domain.md, the first of the two lines that the project does
not cross), so nothing outside labels and plate parsing may read these tables.

The table is our own and reviewed, because the public table that was read for domain.md section 1
had three errors: 翼 for 冀, 晋 labelled 陕西, and 赣C given as 吉安.  A test guards all three.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PREFECTURES", "PROVINCES", "Place", "Province", "place_of"]


class Province(NamedTuple):
    """A province-level division: its GB/T 2260 code, ISO 3166-2 code and names."""

    gb_code: str
    """Two digits of GB/T 2260, also the first two of a resident ID: 33."""
    iso_code: str
    """ISO 3166-2: CN-ZJ."""
    name_zh: str
    name_en: str


class Place(NamedTuple):
    """Where a plate was issued, as precisely as the reviewed table knows."""

    name_zh: str
    name_en: str


PROVINCES: dict[str, Province] = {
    "京": Province("11", "CN-BJ", "北京", "Beijing"),
    "津": Province("12", "CN-TJ", "天津", "Tianjin"),
    "冀": Province("13", "CN-HE", "河北", "Hebei"),
    "晋": Province("14", "CN-SX", "山西", "Shanxi"),
    "蒙": Province("15", "CN-NM", "内蒙古", "Inner Mongolia"),
    "辽": Province("21", "CN-LN", "辽宁", "Liaoning"),
    "吉": Province("22", "CN-JL", "吉林", "Jilin"),
    "黑": Province("23", "CN-HL", "黑龙江", "Heilongjiang"),
    "沪": Province("31", "CN-SH", "上海", "Shanghai"),
    "苏": Province("32", "CN-JS", "江苏", "Jiangsu"),
    "浙": Province("33", "CN-ZJ", "浙江", "Zhejiang"),
    "皖": Province("34", "CN-AH", "安徽", "Anhui"),
    "闽": Province("35", "CN-FJ", "福建", "Fujian"),
    "赣": Province("36", "CN-JX", "江西", "Jiangxi"),
    "鲁": Province("37", "CN-SD", "山东", "Shandong"),
    "豫": Province("41", "CN-HA", "河南", "Henan"),
    "鄂": Province("42", "CN-HB", "湖北", "Hubei"),
    "湘": Province("43", "CN-HN", "湖南", "Hunan"),
    "粤": Province("44", "CN-GD", "广东", "Guangdong"),
    "桂": Province("45", "CN-GX", "广西", "Guangxi"),
    "琼": Province("46", "CN-HI", "海南", "Hainan"),
    "渝": Province("50", "CN-CQ", "重庆", "Chongqing"),
    "川": Province("51", "CN-SC", "四川", "Sichuan"),
    "贵": Province("52", "CN-GZ", "贵州", "Guizhou"),
    "云": Province("53", "CN-YN", "云南", "Yunnan"),
    "藏": Province("54", "CN-XZ", "西藏", "Tibet"),
    "陕": Province("61", "CN-SN", "陕西", "Shaanxi"),
    "甘": Province("62", "CN-GS", "甘肃", "Gansu"),
    "青": Province("63", "CN-QH", "青海", "Qinghai"),
    "宁": Province("64", "CN-NX", "宁夏", "Ningxia"),
    "新": Province("65", "CN-XJ", "新疆", "Xinjiang"),
}
"""The 31 province characters of plates (domain.md section 1 [V]), in GB/T 2260 order."""


PREFECTURES: dict[str, Place] = {
    "苏A": Place("南京", "Nanjing"),
    "苏B": Place("无锡", "Wuxi"),
    "苏C": Place("徐州", "Xuzhou"),
    "苏D": Place("常州", "Changzhou"),
    "苏E": Place("苏州", "Suzhou"),
    "苏F": Place("南通", "Nantong"),
    "苏G": Place("连云港", "Lianyungang"),
    "苏H": Place("淮安", "Huai'an"),
    "苏J": Place("盐城", "Yancheng"),
    "苏K": Place("扬州", "Yangzhou"),
    "苏L": Place("镇江", "Zhenjiang"),
    "苏M": Place("泰州", "Taizhou (Jiangsu)"),
    "苏N": Place("宿迁", "Suqian"),
    "浙A": Place("杭州", "Hangzhou"),
    "浙B": Place("宁波", "Ningbo"),
    "浙C": Place("温州", "Wenzhou"),
    "浙D": Place("绍兴", "Shaoxing"),
    "浙E": Place("湖州", "Huzhou"),
    "浙F": Place("嘉兴", "Jiaxing"),
    "浙G": Place("金华", "Jinhua"),
    "浙H": Place("衢州", "Quzhou"),
    "浙J": Place("台州", "Taizhou (Zhejiang)"),
    "浙K": Place("丽水", "Lishui"),
    "浙L": Place("舟山", "Zhoushan"),
    "赣C": Place("宜春", "Yichun"),
    "鄂A": Place("武汉", "Wuhan"),
    "鄂B": Place("黄石", "Huangshi"),
    "鄂C": Place("十堰", "Shiyan"),
    "鄂D": Place("荆州", "Jingzhou"),
    "鄂E": Place("宜昌", "Yichang"),
    "鄂F": Place("襄阳", "Xiangyang"),
    "鄂G": Place("鄂州", "Ezhou"),
    "鄂H": Place("荆门", "Jingmen"),
    "鄂J": Place("黄冈", "Huanggang"),
    "鄂K": Place("孝感", "Xiaogan"),
    "鄂L": Place("咸宁", "Xianning"),
    "鄂M": Place("仙桃", "Xiantao"),
    "鄂N": Place("潜江", "Qianjiang"),
    "鄂P": Place("神农架", "Shennongjia"),
    "鄂Q": Place("恩施", "Enshi"),
    "鄂R": Place("天门", "Tianmen"),
    "鄂S": Place("随州", "Suizhou"),
}
"""Province character and issuing letter → prefecture: what domain.md section 1 marks as seen [V].
沪 needs no rows, since every letter of it is Shanghai; other provinces fall back to their name."""


def place_of(plate: str) -> Place | None:
    """The place that issued a canonical plate, for display; None where its head names none.

    The most precise known: the prefecture of 浙F12345, the province of 皖K12345 or WJ浙1234J.
    """
    prefecture = PREFECTURES.get(plate[:2])
    if prefecture is not None:
        return prefecture
    head = plate[2:3] if plate.startswith("WJ") else plate[:1]
    province = PROVINCES.get(head)
    return None if province is None else Place(province.name_zh, province.name_en)
