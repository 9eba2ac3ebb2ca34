from datetime import UTC, datetime

from django.db import migrations, models

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
ADDRESS_SHA256 = r"sha256(replace(%(expressions)s, '\', '\\')::bytea)"

from syncapp.database.operations import Together


class Migration(migrations.Migration):
    """Find people by the hash of their address, and members by when they came."""

    dependencies = [
        ("audiences", "0005_member_exports"),
    ]

    operations = [
        Together(
            migrations.AddField(
                model_name="profile",
                name="email_sha256",
                field=models.GeneratedField(
                    db_persist=True,
                    expression=models.Func(models.F("email"), template=ADDRESS_SHA256),
                    output_field=models.BinaryField(null=True),
                ),
            ),
            migrations.AddIndex(
                model_name="profile",
                index=models.Index(fields=["account", "email_sha256"], name="profile_by_email_sha256"),
            ),
            migrations.AddIndex(
                model_name="member",
                index=models.Index(
                    fields=["account", "audience", "added_at", "profile"],
                    condition=models.Q(state="member", added_at__gte=EARLIEST),
                    name="member_by_added_at",
                ),
            ),
        ),
    ]
