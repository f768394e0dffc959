"""Documents in the shape of the specifications' own examples, and who is named in them."""

from pathlib import Path

from megdt_stream.evidence.adapters.table_mapping import TableMapping

KEY = b"0123456789abcdef0123456789abcdef"
OTHER_KEY = b"fedcba9876543210fedcba9876543210"

# --- xAPI ---

ADL = "http://adlnet.gov/expapi/verbs/"
STUDENT = {"objectType": "Agent", "name": "王小明", "mbox": "mailto:wang.xiaoming@hospital.example"}
TEACHER = {"name": "Andrew Downes", "account": {"homePage": "http://www.example.com", "name": "teacher-13936749"}}
SCORED_ID = "7ccd3322-e1a5-411a-a67d-6a735c76f119"


def statement(did="scored", **more):
    return {
        "id": SCORED_ID,
        "actor": STUDENT,
        "verb": {"id": ADL + did, "display": {"en-US": did, "zh-CN": "得分"}},
        "object": {
            "objectType": "Activity",
            "id": "http://lms.example.com/tests/acls-1",
            "definition": {"type": "http://adlnet.gov/expapi/activities/assessment", "name": {"zh-CN": "高级生命支持"}},
        },
        "result": {"score": {"scaled": 0.85, "raw": 17, "min": 0, "max": 20}, "duration": "PT30M", "completion": True},
        "context": {
            "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
            "instructor": TEACHER,
            "contextActivities": {"parent": [{"id": "http://lms.example.com/courses/acls"}], "category": []},
            "extensions": {"http://example.com/ward": "3W"},
        },
        "stored": "2025-03-04T10:15:00.123Z",
        "timestamp": "2025-03-04T18:00:00+08:00",
        "version": "1.0.3",
        "authority": {"objectType": "Agent", "account": {"homePage": "http://lms.example.com", "name": "xapi"}},
        "attachments": [
            {
                "usageType": "http://id.tincanapi.com/attachment/supporting_media",
                "display": {"en-US": "A test attachment"},
                "contentType": "text/plain; charset=ascii",
                "length": 27,
                "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
            }
        ],
        **more,
    }


def voiding(target=SCORED_ID):
    return {
        "actor": {"objectType": "Agent", "name": "Example Admin", "mbox": "mailto:admin@example.adlnet.gov"},
        "verb": {"id": ADL + "voided", "display": {"en-US": "voided"}},
        "object": {"objectType": "StatementRef", "id": target},
        "timestamp": "2025-04-01T00:00:00Z",
    }


XAPI = [
    statement(),
    {
        "actor": {"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"},
        "verb": {"id": ADL + "attended"},
        "object": {"id": "http://www.example.com/meetings/occurances/34534"},
        "result": {"duration": "PT1H0M0S", "extensions": {"http://example.com/minutes": {"topic": "VTE"}}},
        "timestamp": "2013-05-18T05:32:34.804Z",
    },
    {
        "actor": {"openid": "https://toby.openid.example.org/"},
        "verb": {"id": ADL + "failed"},
        "object": {"id": "http://example.com/exams/toby.openid.example.org", "objectType": "Activity"},
        "timestamp": "2013-05-18T05:32:34Z",
    },
    {
        "actor": {"objectType": "Group", "name": "Team PB", "member": [STUDENT, TEACHER]},
        "verb": {"id": ADL + "completed"},
        "object": {"id": "http://example.com/activities/team-work"},
        "timestamp": "2013-05-18T05:32:34Z",
    },
    {
        "actor": STUDENT,
        "verb": {"id": "http://example.com/planned"},
        "object": {
            "objectType": "SubStatement",
            "actor": STUDENT,
            "verb": {"id": "http://example.com/visited"},
            "object": {"id": "http://example.com/website"},
        },
    },
    {"actor": STUDENT, "verb": {"id": "http://example.com/verbs/interacted"}, "object": {"id": "http://example.com/a"}},
    voiding(),
]
XAPI_ORIGINALS = (
    *("wang.xiaoming", "王小明", "Andrew Downes", "teacher-13936749"),
    *("ebd31e95054c018b10727ccffd2ef2ec3a016ee9", "toby.openid", "admin@example"),
)

# --- Caliper ---

LEARNER = "https://example.edu/users/554433"
ASSESSMENT = "https://example.edu/courses/7/assess/1"


def grade(**more):
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": "urn:uuid:a50ca17f-5971-47bb-8fca-4e6e6879001d",
        "type": "GradeEvent",
        "profile": "GradingProfile",
        "actor": {"id": "https://example.edu/users/778899", "type": "Person", "name": "李老师"},
        "action": "Graded",
        "object": {
            "id": f"{LEARNER}/attempts/1",
            "type": "Attempt",
            "assignee": {"id": LEARNER, "type": "Person"},
            "assignable": {"id": ASSESSMENT, "type": "Assessment"},
            "count": 1,
            "startedAtTime": "2025-03-04T10:05:00.000Z",
        },
        "eventTime": "2025-03-04T10:57:06.000Z",
        "edApp": "https://example.edu",
        "generated": {
            "id": f"{LEARNER}/attempts/1/scores/1",
            "type": "Score",
            "attempt": f"{LEARNER}/attempts/1",
            "maxScore": 15.0,
            "scoreGiven": 12.0,
            "comment": "well done",
        },
        "extensions": {"example": {"path": "x"}},
        **more,
    }


def assessment_event(action="Submitted", **more):
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": "urn:uuid:c51570e4-f8ed-4c18-bb3a-dfe51b2cc594",
        "type": "AssessmentEvent",
        "profile": "AssessmentProfile",
        "actor": LEARNER,
        "action": action,
        "object": {"id": ASSESSMENT, "type": "Assessment", "maxScore": 15},
        "eventTime": "2025-03-04T10:25:30.000Z",
        "generated": {
            "id": f"{LEARNER}/attempts/1",
            "type": "Attempt",
            "startedAtTime": "2025-03-04T09:35:00.000Z",
            "endedAtTime": "2025-03-04T10:25:30.000Z",
        },
        **more,
    }


CALIPER = [
    grade(),
    assessment_event(),
    assessment_event("Started", id="urn:uuid:27734504-068d-4596-861c-2315be33a2a2"),
    assessment_event(id="not-a-urn/554433", object={"id": f"{LEARNER}/own-test", "type": "Assessment"}),
    grade(id="urn:uuid:12c05c4e-253f-4073-9f29-5786f3ff3f36", object=f"{LEARNER}/attempts/1"),
    {"id": LEARNER, "type": "Person", "dateCreated": "2018-08-01T06:00:00.000Z", "name": "张三"},
    {
        "id": "urn:uuid:ff9ec22a-fc59-4ae1-ae8d-2c9463ee2f8f",
        "type": "NavigationEvent",
        "actor": {"id": LEARNER, "type": "Person"},
        "action": "NavigatedTo",
        "object": {"id": "https://example.edu/page", "type": "WebPage"},
        "eventTime": "2025-03-04T10:25:30.000Z",
    },
]
CALIPER_ORIGINALS = ("554433", "778899", "李老师", "张三")

# --- FHIR ---

SNOMED = "http://snomed.info/sct"


def encounter(**more):
    return {
        "resourceType": "Encounter",
        "id": "v1451-private",
        "meta": {"versionId": "3", "lastUpdated": "2025-03-05T09:00:00.000+08:00"},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">张伟，男</div>'},
        "contained": [
            {"resourceType": "Practitioner", "id": "p1", "identifier": [{"system": "urn:oid:1", "value": "D77"}]}
        ],
        "identifier": [{"use": "official", "system": "http://www.amc.nl/visits", "value": "MRN-889900"}],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/zhang-wei", "display": "张伟"},
        "participant": [
            {
                "type": [{"coding": [{"code": "ATND"}]}],
                "individual": {"reference": "Practitioner/chief-1", "display": "Dr Chief"},
            },
            {
                "type": [
                    {
                        "coding": [
                            {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PPRF"}
                        ]
                    }
                ],
                "individual": {"reference": "https://his.example/fhir/Practitioner/resident-42", "display": "P. Voigt"},
            },
            {"individual": {"reference": "#p1"}},
        ],
        "period": {"start": "2025-03-04T16:00:00+08:00", "end": "2025-03-05T08:00:00+08:00"},
        "length": {"value": 56.12, "unit": "minutes"},
        "reasonCode": [{"coding": [{"system": SNOMED, "code": "34068001", "display": "Heart valve replacement"}]}],
        **more,
    }


def procedure(**more):
    return {
        "resourceType": "Procedure",
        "id": "9f1e9c2a-5b7e-4a63-9d64-1c2c1f1d8b11",
        "status": "completed",
        "code": {"coding": [{"system": SNOMED, "code": "80146002"}], "text": "Appendectomy (Procedure)"},
        "subject": {"reference": "Patient/zhang-wei"},
        "performedDateTime": "2013-04-05",
        "performer": [{"actor": {"reference": "Practitioner/resident-42", "display": "Dr Cecil Surgeon"}}],
        "note": [{"text": "Routine Appendectomy."}],
        **more,
    }


FHIR = [
    encounter(),
    procedure(),
    {"fullUrl": "https://his.example/Procedure/2", "resource": procedure(id="op-2", status="entered-in-error")},
    encounter(id="e3", reasonCode=[], diagnosis=[{"condition": {"reference": "Condition/stroke"}, "rank": 1}]),
    {"resource": {"resourceType": "Condition", "id": "stroke", "code": {"coding": [{"code": "422504002"}]}}},
    encounter(id="e4", period={"start": "2013-05"}),
    encounter(id="e5", status="planned"),
    {"resourceType": "Patient", "id": "zhang-wei", "name": [{"text": "张伟"}]},
    {"request": {"method": "DELETE", "url": "Encounter/e1"}},
]
FHIR_ORIGINALS = (
    *(
        "张伟",
        "zhang-wei",
        "resident-42",
        "chief-1",
        "P. Voigt",
        "Dr Cecil",
        "D77",
        "MRN-889900",
        "v1451-private",
        "op-2",
    ),
)

# --- a table ---

MAPPING = TableMapping.model_validate(
    {
        "source": "/tms/mini-cex",
        "file": {"zone": "Asia/Shanghai"},
        "filter": [{"column": "状态", "equals": ["草稿"], "why": "draft"}],
        "event": [
            {
                "type": "assessment.recorded",
                "id": {"columns": ["表单编号"]},
                "subject": {"column": "学号"},
                "time": {"column": "评价时间"},
                "recorded": {"column": "提交时间"},
                "revision": {"column": "版本"},
                "deleted": {"column": "删除", "equals": ["是"]},
                "data": {
                    "instrument": "mini-cex",
                    "scale": "mini-cex@1",
                    "assessor": {"column": "带教工号"},
                    "rotation": {"template": "{科室}-{年度}"},
                },
                "scores": [
                    {"competency": "patient-care", "column": "医疗面谈", "map": {"优秀": 9, "良好": 7}},
                    {"competency": "professionalism", "column": "人文", "missing": {"未观察": "not-observed"}},
                ],
            },
            {
                "type": "feedback.recorded",
                "id": {"columns": ["表单编号"]},
                "subject": {"column": "学号"},
                "time": {"column": "评价时间"},
                "when": [{"column": "评语", "filled": True}],
                "data": {"text": {"column": "评语"}},
            },
        ],
    }
)


def row(**more):
    return {
        **dict.fromkeys(("姓名", "备注"), "张三丰"),
        "表单编号": "F-20250304-001",
        "学号": "20231234567",
        "评价时间": "2025-03-04 10:15",
        "提交时间": "2025/3/5 08:00",
        "版本": "0",
        "删除": "否",
        "带教工号": "T0099",
        "科室": "心内科",
        "年度": "2025",
        "医疗面谈": "优秀",
        "人文": "7.5",
        "评语": "",
        "状态": "已提交",
        **more,
    }


ROWS = [
    row(),
    row(表单编号="F-2", 评语="问诊有条理", 版本="1"),
    row(表单编号="F-2", 版本="2", 删除="是"),
    row(状态="草稿"),
    row(表单编号="F-4", 学号=""),
    row(表单编号="F-5", 医疗面谈="还行"),
    row(表单编号="F-6", 评价时间="昨天"),
    row(表单编号="F-7", 人文="10"),
]
ROW_ORIGINALS = ("张三丰", "20231234567", "T0099", "F-20250304-001")

ROOT = Path(__file__).resolve().parents[2]
