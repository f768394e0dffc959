"""What a teaching hospital has on paper: specialties, departments, quotas, instruments and scales.

Codes are partly Chinese, as in the hospitals this stands for. Case and procedure quotas are made up in the
shape of the standards for standardised residency training, not copied from one.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PATIENT_CARE: Final = "patient-care"
MEDICAL_KNOWLEDGE: Final = "medical-knowledge"
PRACTICE_BASED_LEARNING: Final = "practice-based-learning"
COMMUNICATION: Final = "communication"
PROFESSIONALISM: Final = "professionalism"
SYSTEMS_BASED_PRACTICE: Final = "systems-based-practice"
COMPETENCIES: Final = (
    PATIENT_CARE,
    MEDICAL_KNOWLEDGE,
    PRACTICE_BASED_LEARNING,
    COMMUNICATION,
    PROFESSIONALISM,
    SYSTEMS_BASED_PRACTICE,
)

MEDICAL_SCHOOL: Final = "medical-school"
POSTGRADUATE: Final = "postgraduate"
CONTINUING: Final = "continuing"


@dataclass(frozen=True)
class Scale:
    """How a level shows as a value: value = (level - intercept) / slope, rounded to a whole category."""

    id: str
    lowest: int
    highest: int
    intercept: float
    slope: float

    def value(self, level: float) -> int:
        """Give the category nearest to a level, within the scale."""
        return min(self.highest, max(self.lowest, round((level - self.intercept) / self.slope)))


@dataclass(frozen=True)
class Instrument:
    """An assessment form: who publishes it, on what scale, and how long it lies before it is sent."""

    code: str
    scale: Scale
    source: str
    competencies: tuple[str, ...]
    marks: tuple[int, int]
    """Fewest and most competencies on one form."""
    median_delay_hours: float
    judged: bool
    """Whether a person judges (severity and noise of an assessor) or a key is applied."""


E_PORTFOLIO: Final = "/e-portfolio"
HIS: Final = "/his"
SKILLS_CENTRE: Final = "/skills-centre"
TMS: Final = "/tms"
ROSTER: Final = "/roster"
LEARNING: Final = "https://learning.hospital.example/cases"
REGISTRY: Final = "/identity-registry"
EDUCATION_OFFICE: Final = "/education-office"
RESOURCE_OFFICE: Final = "/%E8%B5%84%E6%BA%90%E5%8A%9E/inventory"

MINI_CEX: Final = Instrument(
    "mini-cex",
    Scale("mini-cex@1", 1, 9, 0.5, 0.5),
    E_PORTFOLIO,
    (PATIENT_CARE, MEDICAL_KNOWLEDGE, COMMUNICATION, PROFESSIONALISM, SYSTEMS_BASED_PRACTICE),
    (3, 5),
    6,
    judged=True,
)
DOPS: Final = Instrument(
    "dops",
    Scale("dops@1", 1, 6, 0.2, 0.8),
    SKILLS_CENTRE,
    (PATIENT_CARE, COMMUNICATION, PROFESSIONALISM),
    (2, 3),
    10,
    judged=True,
)
ENTRUSTMENT: Final = Instrument(
    "entrustment",
    Scale("entrustment@1", 1, 5, 0.0, 1.0),
    E_PORTFOLIO,
    COMPETENCIES,
    (6, 6),
    5 * 24,
    judged=True,
)
ROTATION_EXAM: Final = Instrument(
    "rotation-exam",
    Scale("rotation-exam-100@1", 0, 100, 0.0, 0.05),
    TMS,
    (MEDICAL_KNOWLEDGE, PATIENT_CARE),
    (2, 2),
    3 * 24,
    judged=False,
)
ROTATION_EXAM_ITEM: Final = "出科考核"


SIMULATIONS: Final = ("心肺复苏模拟训练", "困难气道模拟训练", "腔镜模拟训练", "团队危机资源管理")


@dataclass(frozen=True)
class Department:
    """A rotation department: what is seen and done there, with the yearly quota of each."""

    code: str
    cases: MappingProxyType[str, int]
    procedures: MappingProxyType[str, int]


def _department(code: str, cases: dict[str, int], procedures: dict[str, int]) -> Department:
    return Department(code, MappingProxyType(cases), MappingProxyType(procedures))


_CARDIOLOGY = _department(
    "心内科",
    {"急性心肌梗死": 6, "心力衰竭": 10, "高血压病": 12, "心房颤动": 8},
    {"心电图判读": 20, "电除颤": 2, "心包穿刺术": 1},
)
_RESPIRATORY = _department(
    "呼吸内科",
    {"慢性阻塞性肺疾病": 10, "社区获得性肺炎": 10, "肺栓塞": 3},
    {"胸腔穿刺术": 4, "动脉血气分析": 12},
)
_GASTROENTEROLOGY = _department(
    "消化内科", {"上消化道出血": 6, "肝硬化": 6, "急性胰腺炎": 5}, {"腹腔穿刺术": 4, "胃管置入术": 8}
)
_NEUROLOGY = _department("神经内科", {"脑梗死": 10, "癫痫": 4, "脑出血": 4}, {"腰椎穿刺术": 4, "神经系统查体": 12})
_EMERGENCY = _department(
    "急诊科", {"多发伤": 4, "急性中毒": 4, "休克": 5}, {"心肺复苏术": 4, "清创缝合术": 8, "气管插管术": 4}
)
_INTENSIVE_CARE = _department(
    "重症医学科", {"脓毒症": 6, "急性呼吸窘迫综合征": 4}, {"中心静脉置管术": 5, "机械通气管理": 8}
)
_GENERAL_SURGERY = _department(
    "普外科", {"急性阑尾炎": 8, "胆石症": 8, "腹股沟疝": 6}, {"阑尾切除术": 4, "换药拆线": 20, "疝修补术": 3}
)
_ORTHOPAEDICS = _department("骨科", {"股骨颈骨折": 5, "腰椎间盘突出症": 5}, {"石膏固定术": 6, "关节腔穿刺术": 3})
_UROLOGY = _department("泌尿外科", {"尿路结石": 6, "前列腺增生": 5}, {"导尿术": 10, "膀胱镜检查": 3})
_ANAESTHESIA = _department("麻醉科", {"困难气道": 4, "术中低血压": 6}, {"气管插管术": 20, "椎管内麻醉": 12})
_PAIN = _department("疼痛科", {"带状疱疹后神经痛": 4, "癌痛": 5}, {"神经阻滞术": 8})
_PAEDIATRICS = _department(
    "儿科", {"小儿肺炎": 10, "川崎病": 3, "热性惊厥": 4}, {"小儿腰椎穿刺术": 2, "头皮静脉穿刺": 8}
)
_NEONATOLOGY = _department("新生儿科", {"新生儿黄疸": 8, "早产儿": 6}, {"新生儿复苏": 4, "脐静脉置管术": 2})


@dataclass(frozen=True)
class Specialty:
    """A specialty as bases train it: through which departments, and how many of nine bases it has."""

    code: str
    departments: tuple[Department, ...]
    weight: int


ROSTERED: Final = frozenset({_EMERGENCY.code, _INTENSIVE_CARE.code})
"""Departments whose duty roster is kept electronically."""

SPECIALTIES: Final = (
    Specialty(
        "内科",
        (_CARDIOLOGY, _RESPIRATORY, _GASTROENTEROLOGY, _NEUROLOGY, _EMERGENCY, _INTENSIVE_CARE),
        3,
    ),
    Specialty("surgery", (_GENERAL_SURGERY, _ORTHOPAEDICS, _UROLOGY, _ANAESTHESIA, _INTENSIVE_CARE), 2),
    Specialty("麻醉科", (_ANAESTHESIA, _PAIN, _INTENSIVE_CARE, _EMERGENCY), 1),
    Specialty("急诊医学", (_EMERGENCY, _INTENSIVE_CARE, _CARDIOLOGY, _GENERAL_SURGERY), 1),
    Specialty("paediatrics", (_PAEDIATRICS, _NEONATOLOGY, _EMERGENCY), 1),
    Specialty("神经内科", (_NEUROLOGY, _INTENSIVE_CARE, _EMERGENCY, _CARDIOLOGY), 1),
)
