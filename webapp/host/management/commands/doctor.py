"""`manage.py doctor`: what is there, what is missing and how to mend it; exit code 1 if something needed is missing."""

import sys

from django.core.management.base import BaseCommand

from webapp.host import doctor

WIDTH = max(len(name) for name in doctor.CHECKS) + 2


class Command(BaseCommand):
    help = "Check Python, disk, memory, GPUs, Redis, database, models, hub and ports."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        reported = []
        for finding in doctor.findings():
            reported.append(finding)
            self.stdout.write(self._line(finding))
        missing = [finding.name for finding in reported if finding.state == doctor.MISSING]
        if missing:
            self.stdout.write(f"\nMaquette cannot work yet: {', '.join(missing)}. Follow the arrows above.")
            sys.exit(1)
        self.stdout.write("\nAll that Maquette needs is there.")

    def _line(self, finding: doctor.Finding) -> str:
        styles = {doctor.OK: self.style.SUCCESS, doctor.NOTE: self.style.WARNING, doctor.MISSING: self.style.ERROR}
        state = styles[finding.state](f"{finding.state:<9}")
        line = f"{finding.name:<{WIDTH}}{state}{finding.words}"
        return f"{line}\n{' ' * (WIDTH + 9)}→ {finding.remedy}" if finding.remedy else line
