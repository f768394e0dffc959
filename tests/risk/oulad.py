"""Small tables in OULAD's format, as files: students whose scores and silence tell how they will end."""

import csv
import random

MODULES = ("AAA", "BBB")


def write(directory, presentations=("2013B", "2013J"), students=60, seed=1):
    """Write the five tables; a third of the students do badly."""
    rng = random.Random(seed)
    tables = {
        name: [] for name in ("courses", "assessments", "studentInfo", "studentRegistration", "studentAssessment")
    }
    for module in MODULES:
        for presentation in presentations:
            key = {"code_module": module, "code_presentation": presentation}
            tables["courses"].append(key | {"module_presentation_length": 240})
            works = [f"{module}{presentation}{day}" for day in (19, 47, 89)]
            for work, day in zip(works, (19, 47, 89), strict=True):
                tables["assessments"].append(key | {"id_assessment": work, "assessment_type": "TMA", "date": day})
            for number in range(students):
                _student(rng, tables, key, works, f"{MODULES.index(module) + 1}{presentation[:4]}{number:03d}")
    for name, rows in tables.items():
        with (directory / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return directory


def _student(rng, tables, key, works, student):
    weak = rng.random() < 0.35
    leaves = weak and rng.random() < 0.3
    left = rng.randrange(40, 200) if leaves else ""
    adverse = weak if rng.random() < 0.9 else not weak
    result = "Withdrawn" if leaves else "Fail" if adverse else "Pass"
    who = key | {"id_student": student}
    background = {"highest_education": rng.choice(["HE Qualification", "No Formal quals"]), "imd_band": "40-50%"}
    groups = {"gender": rng.choice("FM"), "age_band": "0-35", "disability": "N"}
    rest = {"num_of_prev_attempts": 0, "studied_credits": 60, "final_result": result}
    tables["studentInfo"].append(who | groups | background | rest)
    tables["studentRegistration"].append(who | {"date_registration": -30, "date_unregistration": left})
    for work, day in zip(works, (19, 47, 89), strict=True):
        if (left == "" or day < left) and rng.random() > 0.3 * weak:
            score = max(0, min(100, round(rng.gauss(50 if weak else 80, 12))))
            done = {"date_submitted": day - rng.randrange(6), "is_banked": 0, "score": score}
            tables["studentAssessment"].append({"id_assessment": work, "id_student": student} | done)
