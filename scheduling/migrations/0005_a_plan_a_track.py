"""A plan for each track in place of one a person. What is stored stays: plans are copied.

A planner of the release before cannot plan any more once this is done: stop its workers before.
"""

import django.db.models.deletion
from django.db import migrations, models

COLUMNS = "enrollment_id, version_id, time_zone, burst, burst_start, done, done_count, is_eligible"


def tracks_of(document):
    """The series and what counts, of each thing that the rules look at (as scheduling.tracks had it at this migration)."""
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


def copy_plans(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        # What somebody wrote between the copy and the end would be lost.
        schema_editor.execute("LOCK TABLE scheduling_plannerrow IN ACCESS EXCLUSIVE MODE")
    copy = f"INSERT INTO scheduling_trackrow (track, {COLUMNS}) SELECT 0, {COLUMNS} FROM scheduling_plannerrow ORDER BY enrollment_id"
    schema_editor.execute(copy)


def plan_further_tracks(apps, schema_editor):
    """Burst 0 long ago: the zone's next run plans them for good."""
    further = """INSERT INTO scheduling_trackrow (enrollment_id, version_id, time_zone, track, burst, burst_start, done, done_count, is_eligible)
        SELECT plan.enrollment_id, plan.version_id, plan.time_zone, %s, 0, '1970-01-01', 0, 0,
            one.state = 'active' AND one.consented_at IS NOT NULL
        FROM scheduling_trackrow plan JOIN studies_enrollment one ON one.id = plan.enrollment_id
        WHERE plan.version_id = %s AND plan.track = 0"""
    for version in apps.get_model("studies", "ProtocolVersion").objects.all():
        for track in range(1, len(tracks_of(version.document))):
            schema_editor.execute(further, [track, version.pk])


class Migration(migrations.Migration):

    dependencies = [
        ('scheduling', '0004_recent_nudges'),
        ('studies', '0002_come_back'),
    ]

    operations = [
        migrations.CreateModel(
            name='TrackRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('track', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='track')),
                ('time_zone', models.CharField(max_length=64, verbose_name='time zone')),
                ('burst', models.PositiveSmallIntegerField(verbose_name='burst')),
                ('burst_start', models.DateField(verbose_name='burst starts')),
                ('done', models.BigIntegerField(db_default=0, default=0, verbose_name='done days')),
                ('done_count', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='number of done days')),
                ('is_eligible', models.BooleanField(db_default=True, default=True, verbose_name='eligible')),
                ('enrollment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='plans', to='studies.enrollment', verbose_name='enrollment')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='studies.protocolversion', verbose_name='protocol version')),
            ],
            options={
                'verbose_name': 'plan',
                'verbose_name_plural': 'plans',
            },
        ),
        migrations.RunPython(copy_plans, migrations.RunPython.noop),
        migrations.RunPython(plan_further_tracks, migrations.RunPython.noop),
        migrations.DeleteModel(name='PlannerRow'),
        migrations.RenameModel(old_name='TrackRow', new_name='PlannerRow'),
        migrations.AddConstraint(
            model_name='plannerrow',
            constraint=models.UniqueConstraint(fields=('enrollment', 'track'), name='plan_once'),
        ),
        migrations.AddIndex(
            model_name='plannerrow',
            index=models.Index(condition=models.Q(('is_eligible', True)), fields=['time_zone', 'track', 'burst_start'], name='plan_zone_track_start'),
        ),
    ]
