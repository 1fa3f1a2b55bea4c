"""Room for the slots of further series and of events; and what is done in a series without rules counts there."""

from django.db import migrations, models


def tracks_of(document):
    """The series and what counts, of each thing that the rules look at (as in the migration before)."""
    if not isinstance(document, dict):
        return []
    series = [one["id"] for one in document.get("burst_series", [])]
    found = {}
    for rule in document.get("nudges", []):
        of_series = found.setdefault(rule.get("series", series[0]), [])
        if rule["kind"] == "missed_days":
            of_series.append((rule.get("series", series[0]), rule["counts"]))
    whole = [(name, "") for name in series[:1]] if not found else []
    return whole or list(dict.fromkeys(one for name, of_series in found.items() for one in of_series or [(name, "")]))


def count_in_own_series(apps, schema_editor):
    """A day of a series without rules of its own is done by any session: before, only the first rule's series had days done."""
    completions, versions = apps.get_model("scheduling", "Completion"), apps.get_model("studies", "ProtocolVersion")
    for version in versions.objects.all():
        if not isinstance(version.document, dict) or len(version.document.get("burst_series", [])) < 2:
            continue
        tracks = tracks_of(version.document)
        for schedule in version.document["schedules"]:
            counted = {counts for series, counts in tracks if series == schedule["from"]}
            for session in schedule["sessions"]:
                counts = not counted or bool(counted & {"", schedule["id"], session["task"]})
                mine = completions.objects.filter(enrollment__version_id=version.pk, session_id__startswith=f"{session['id']}:")
                mine.exclude(counts=counts).update(counts=counts)


class Migration(migrations.Migration):

    dependencies = [
        ('scheduling', '0005_a_plan_a_track'),
        ('studies', '0002_come_back'),
    ]

    operations = [
        migrations.AlterField(
            model_name='nudge',
            name='slot',
            field=models.CharField(max_length=160, verbose_name='slot'),
        ),
        migrations.RunPython(count_in_own_series, migrations.RunPython.noop),
    ]
