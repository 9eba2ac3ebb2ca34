from django.db import migrations, models

# Whoever is forgotten takes the ledger along; a deletion by a trigger is one the append-only ledger lets pass.
FORGET_LEDGER = """
CREATE FUNCTION audiences_profile_forgets_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM audiences_consent WHERE account_id = NEW.account_id AND profile_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER forgets_ledger AFTER UPDATE OF forgotten_at ON audiences_profile
FOR EACH ROW WHEN (OLD.forgotten_at IS NULL AND NEW.forgotten_at IS NOT NULL)
EXECUTE FUNCTION audiences_profile_forgets_ledger();
"""
KEEP_LEDGER = """
DROP TRIGGER forgets_ledger ON audiences_profile;
DROP FUNCTION audiences_profile_forgets_ledger();
"""

from syncapp.database.operations import Together


class Migration(migrations.Migration):

    dependencies = [
        ('audiences', '0006_look_ups'),
    ]

    operations = [
        Together(
            migrations.AddField(
                model_name='profile',
                name='forgotten_at',
                field=models.DateTimeField(blank=True, editable=False, help_text='Deleted or erased: an empty row that stays until no ESP’s list holds the person.', null=True),
            ),
            migrations.AddIndex(
                model_name='profile',
                index=models.Index(condition=models.Q(('forgotten_at', None), _negated=True), fields=['account', 'id'], name='profile_forgotten'),
            ),
            migrations.AlterField(
                model_name='erasure',
                name='kind',
                field=models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address'), ('email_sha256', 'SHA-256 of the e-mail address')], max_length=20),
            ),
        ),
        migrations.RunSQL(FORGET_LEDGER, KEEP_LEDGER),
    ]
