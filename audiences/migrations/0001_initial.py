import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import syncapp.accounts.fields
from django.db import migrations, models

from syncapp.audit.operations import IsolateEvents
from syncapp.database.operations import CreateModels, CreatePartitionedModel, Isolate

# The ledger is only added to; rows go only with their person (a cascade is at least two triggers deep).
APPEND_ONLY = """
CREATE FUNCTION audiences_consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The consent ledger is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audiences_consent
FOR EACH ROW EXECUTE FUNCTION audiences_consent_is_append_only();
"""

# The projection rule of audiences.consents: the later answer, on equal time the denial. Moments are written in one
# form, so they compare as texts.
MERGE_CONSENTS = """
CREATE FUNCTION audiences_merge_consents(stored jsonb, given jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    objective text;
    answer jsonb;
BEGIN
    FOR objective, answer IN SELECT key, value FROM jsonb_each(given) LOOP
        IF stored -> objective IS NULL
            OR answer ->> 'at' COLLATE "C" > stored -> objective ->> 'at'
            OR answer ->> 'at' = stored -> objective ->> 'at' AND answer ->> 'state' = 'denied'
        THEN
            stored := stored || jsonb_build_object(objective, answer);
        END IF;
    END LOOP;
    RETURN stored;
END
$$;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='Audience',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('external_id', models.CharField(help_text='The id other systems use; taken verbatim.', max_length=255)),
                    ('name', models.CharField(max_length=255)),
                    ('name_key', models.CharField(editable=False, max_length=255)),
                    ('description', models.CharField(blank=True, max_length=2000)),
                    ('kind', models.CharField(choices=[('pushed', 'Pushed by another system'), ('rules', 'Made by rules')], default='pushed', editable=False, max_length=10)),
                    ('identifier', models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address')], default='external_id', max_length=20)),
                    ('unknown_contacts', models.CharField(choices=[('reject', 'Reject'), ('create', 'Create the person'), ('hold', 'Hold until the person is known')], default='reject', max_length=10)),
                    ('folder', models.CharField(blank=True, max_length=100)),
                    ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None)),
                    ('favourite', models.BooleanField(default=False)),
                    ('source_system', models.CharField(blank=True, help_text='The system that owns it, e.g. “ERP”.', max_length=100)),
                    ('member_count', models.PositiveIntegerField(default=0, editable=False)),
                    ('held_count', models.PositiveIntegerField(default=0, editable=False)),
                    ('version', models.PositiveIntegerField(default=1, editable=False)),
                    ('last_sync', models.JSONField(blank=True, editable=False, null=True)),
                    ('last_member_added_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('last_member_removed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('updated_at', models.DateTimeField(auto_now=True)),
                    ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('expires_at', models.DateTimeField(blank=True, null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('source_client', models.CharField(blank=True, editable=False, help_text='Prefix of the creating key.', max_length=8)),
                ],
                options={
                    'ordering': ['name'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('account', 'external_id'), name='audience_external_id_per_account'), models.UniqueConstraint(condition=models.Q(('deleted_at', None)), fields=('account', 'name_key'), name='audience_name_per_account', violation_error_message='Another audience of this client has this name.')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_audienceevent" ("account_id", "deleted_at", "description", "expires_at", "external_id", "favourite", "folder", "id", "identifier", "kind", "labels", "name", "pgh_context", "pgh_created_at", "pgh_label", "source_system", "unknown_contacts") VALUES (NEW."account_id", NEW."deleted_at", NEW."description", NEW."expires_at", NEW."external_id", NEW."favourite", NEW."folder", NEW."id", NEW."identifier", NEW."kind", NEW."labels", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."source_system", NEW."unknown_contacts"); RETURN NULL;', hash='93109b169f681aa72706d12ff13384cbdf278909', operation='INSERT', pgid='pgtrigger_insert_insert_13b03', table='audiences_audience', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."deleted_at" IS DISTINCT FROM (NEW."deleted_at") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."external_id" IS DISTINCT FROM (NEW."external_id") OR OLD."favourite" IS DISTINCT FROM (NEW."favourite") OR OLD."folder" IS DISTINCT FROM (NEW."folder") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."identifier" IS DISTINCT FROM (NEW."identifier") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."labels" IS DISTINCT FROM (NEW."labels") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."source_system" IS DISTINCT FROM (NEW."source_system") OR OLD."unknown_contacts" IS DISTINCT FROM (NEW."unknown_contacts"))', func='INSERT INTO "audiences_audienceevent" ("account_id", "deleted_at", "description", "expires_at", "external_id", "favourite", "folder", "id", "identifier", "kind", "labels", "name", "pgh_context", "pgh_created_at", "pgh_label", "source_system", "unknown_contacts") VALUES (NEW."account_id", NEW."deleted_at", NEW."description", NEW."expires_at", NEW."external_id", NEW."favourite", NEW."folder", NEW."id", NEW."identifier", NEW."kind", NEW."labels", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."source_system", NEW."unknown_contacts"); RETURN NULL;', hash='7925faf011dea7861154e1ebdf035ab2a09f93d2', operation='UPDATE', pgid='pgtrigger_update_update_f0458', table='audiences_audience', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_audienceevent" ("account_id", "deleted_at", "description", "expires_at", "external_id", "favourite", "folder", "id", "identifier", "kind", "labels", "name", "pgh_context", "pgh_created_at", "pgh_label", "source_system", "unknown_contacts") VALUES (OLD."account_id", OLD."deleted_at", OLD."description", OLD."expires_at", OLD."external_id", OLD."favourite", OLD."folder", OLD."id", OLD."identifier", OLD."kind", OLD."labels", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."source_system", OLD."unknown_contacts"); RETURN NULL;', hash='760b6ba182704633934e6a908cff2648b75fa10e', operation='DELETE', pgid='pgtrigger_delete_delete_aeead', table='audiences_audience', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='Change',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('profile_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                    ('origin', models.CharField(blank=True, max_length=100)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('planned_at', models.DateTimeField(blank=True, null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('planned_at', None)), fields=['account', 'id'], name='change_not_planned')],
                },
            ),
            migrations.CreateModel(
                name='Objective',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(help_text='Fixed after the first save; API calls name it.', max_length=60, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]*$', 'Small letters, digits and _, beginning with a letter.')])),
                    ('label', models.CharField(max_length=100)),
                    ('description', models.TextField(blank=True, help_text='What the person is told when asked.')),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'ordering': ['label'],
                    'constraints': [models.UniqueConstraint(fields=('account', 'key'), name='objective_key_per_account')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_objectiveevent" ("account_id", "description", "id", "key", "label", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."description", NEW."id", NEW."key", NEW."label", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\'); RETURN NULL;', hash='54d9798227e89d1615418f7c51d0a00145ef8ba1', operation='INSERT', pgid='pgtrigger_insert_insert_da462', table='audiences_objective', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."label" IS DISTINCT FROM (NEW."label"))', func='INSERT INTO "audiences_objectiveevent" ("account_id", "description", "id", "key", "label", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."description", NEW."id", NEW."key", NEW."label", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='ce2260edc6e32d54aaf73238f90741afd86aa152', operation='UPDATE', pgid='pgtrigger_update_update_dceec', table='audiences_objective', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_objectiveevent" ("account_id", "description", "id", "key", "label", "pgh_context", "pgh_created_at", "pgh_label") VALUES (OLD."account_id", OLD."description", OLD."id", OLD."key", OLD."label", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\'); RETURN NULL;', hash='4958be6af5a2d64839ff87ee658d3c8bd50b3c2a', operation='DELETE', pgid='pgtrigger_delete_delete_63631', table='audiences_objective', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='Pending',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address')], max_length=20)),
                    ('value', models.CharField(max_length=255)),
                    ('state', models.CharField(choices=[('member', 'Member'), ('removed', 'Removed')], default='member', max_length=7)),
                    ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ('source', models.CharField(blank=True, max_length=100)),
                    ('expires_at', models.DateTimeField()),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='pending', to='audiences.audience')),
                ],
                options={
                    'verbose_name_plural': 'pending',
                    'indexes': [models.Index(fields=['account', 'kind', 'value'], name='pending_by_value')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'audience', 'kind', 'value'), name='pending_once')],
                },
            ),
            CreatePartitionedModel(
                name='Profile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('email', models.CharField(blank=True, max_length=254, null=True)),
                    ('external_id', models.CharField(blank=True, max_length=255, null=True)),
                    ('properties', models.JSONField(blank=True, default=dict)),
                    ('consents', models.JSONField(blank=True, default=dict, editable=False)),
                    ('source', models.CharField(blank=True, help_text='Where the person was first seen.', max_length=100)),
                    ('last_active_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('updated_at', models.DateTimeField(auto_now=True)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'person',
                    'verbose_name_plural': 'people',
                    'constraints': [models.UniqueConstraint(fields=('account', 'email'), name='profile_email_per_account'), models.UniqueConstraint(fields=('account', 'external_id'), name='profile_external_id_per_account')],
                },
            ),
            CreatePartitionedModel(
                name='Member',
                fields=[
                    ('pk', models.CompositePrimaryKey('account', 'audience', 'profile', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('state', models.CharField(choices=[('member', 'Member'), ('removed', 'Removed')], default='member', max_length=7)),
                    ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ('added_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ('generation', models.BigIntegerField(default=0)),
                    ('source', models.CharField(blank=True, max_length=100)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='members', to='audiences.audience')),
                    ('profile', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='memberships', to='audiences.profile')),
                ],
                options={
                    'indexes': [models.Index(fields=['account', 'profile', 'audience'], name='member_by_profile')],
                },
            ),
            CreatePartitionedModel(
                name='Consent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('objective_key', models.CharField(max_length=60)),
                    ('state', models.CharField(choices=[('granted', 'Granted'), ('denied', 'Denied')], max_length=7)),
                    ('source', models.CharField(help_text='api:<key label>, admin:<user>, or connection:<id>.', max_length=100)),
                    ('method', models.CharField(blank=True, help_text='double_opt_in, single, import, api.', max_length=20)),
                    ('occurred_at', models.DateTimeField(help_text='When the person answered.')),
                    ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When we were told.')),
                    ('evidence', models.JSONField(blank=True, default=dict)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('profile', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='ledger', to='audiences.profile')),
                ],
                options={
                    'verbose_name': 'consent',
                    'indexes': [models.Index(fields=['account', 'profile', '-occurred_at'], name='consent_by_profile')],
                },
            ),
            migrations.CreateModel(
                name='Property',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(help_text='Fixed after the first save.', max_length=60, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]*$', 'Small letters, digits and _, beginning with a letter.')])),
                    ('label', models.CharField(max_length=100)),
                    ('type', models.CharField(choices=[('text', 'Text'), ('number', 'Number'), ('boolean', 'Yes or no'), ('date', 'Date'), ('datetime', 'Date and time'), ('list', 'List of texts')], default='text', max_length=10)),
                    ('identifier', models.BooleanField(default=False, help_text='Its value names one person, like a customer number.')),
                    ('personal', models.BooleanField(default=True, help_text='Personal data: left out of logs and samples.')),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name_plural': 'properties',
                    'ordering': ['label'],
                    'constraints': [models.UniqueConstraint(fields=('account', 'key'), name='property_key_per_account')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_propertyevent" ("account_id", "id", "identifier", "key", "label", "personal", "pgh_context", "pgh_created_at", "pgh_label", "type") VALUES (NEW."account_id", NEW."id", NEW."identifier", NEW."key", NEW."label", NEW."personal", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."type"); RETURN NULL;', hash='7f89099b2c27d39560187aa1483c38180b66392a', operation='INSERT', pgid='pgtrigger_insert_insert_77a7e', table='audiences_property', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."identifier" IS DISTINCT FROM (NEW."identifier") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."label" IS DISTINCT FROM (NEW."label") OR OLD."personal" IS DISTINCT FROM (NEW."personal") OR OLD."type" IS DISTINCT FROM (NEW."type"))', func='INSERT INTO "audiences_propertyevent" ("account_id", "id", "identifier", "key", "label", "personal", "pgh_context", "pgh_created_at", "pgh_label", "type") VALUES (NEW."account_id", NEW."id", NEW."identifier", NEW."key", NEW."label", NEW."personal", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."type"); RETURN NULL;', hash='02acd3840fb95288af45b3787aba572d853074dc', operation='UPDATE', pgid='pgtrigger_update_update_0572d', table='audiences_property', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_propertyevent" ("account_id", "id", "identifier", "key", "label", "personal", "pgh_context", "pgh_created_at", "pgh_label", "type") VALUES (OLD."account_id", OLD."id", OLD."identifier", OLD."key", OLD."label", OLD."personal", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."type"); RETURN NULL;', hash='12cb3fc3ba7810998d4baacd59de223be1fb86b0', operation='DELETE', pgid='pgtrigger_delete_delete_a56d5', table='audiences_property', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='Identifier',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('value', models.CharField(max_length=255)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('profile', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='identifiers', to='audiences.profile')),
                    ('property', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='audiences.property')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'property', 'value'), name='identifier_value_per_property')],
                },
            ),
            migrations.CreateModel(
                name='Suppression',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('address_hmac', models.BinaryField(max_length=32)),
                    ('reason', models.CharField(choices=[('complaint', 'Complained of spam'), ('bounce', 'Bounced for good'), ('request', 'Asked never to be mailed'), ('erasure', 'Erased on request'), ('manual', 'Added by staff')], default='manual', max_length=10)),
                    ('source', models.CharField(blank=True, max_length=100)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'address_hmac'), name='suppression_once_per_address')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_suppressionevent" ("account_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "reason", "source") VALUES (NEW."account_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."reason", NEW."source"); RETURN NULL;', hash='a5f0a30f83725d1461db9ec7f60ef2b736978d3f', operation='INSERT', pgid='pgtrigger_insert_insert_faf4c', table='audiences_suppression', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."source" IS DISTINCT FROM (NEW."source"))', func='INSERT INTO "audiences_suppressionevent" ("account_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "reason", "source") VALUES (NEW."account_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."reason", NEW."source"); RETURN NULL;', hash='d7b1648d76ef83b303d0019b6c9537333745d8e9', operation='UPDATE', pgid='pgtrigger_update_update_a3ff8', table='audiences_suppression', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_suppressionevent" ("account_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "reason", "source") VALUES (OLD."account_id", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."reason", OLD."source"); RETURN NULL;', hash='780ac9d8dad4ce92337de632f6402d3eef2dac9f', operation='DELETE', pgid='pgtrigger_delete_delete_99d2d', table='audiences_suppression', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='AudienceEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('external_id', models.CharField(help_text='The id other systems use; taken verbatim.', max_length=255)),
                    ('name', models.CharField(max_length=255)),
                    ('description', models.CharField(blank=True, max_length=2000)),
                    ('kind', models.CharField(choices=[('pushed', 'Pushed by another system'), ('rules', 'Made by rules')], default='pushed', editable=False, max_length=10)),
                    ('identifier', models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address')], default='external_id', max_length=20)),
                    ('unknown_contacts', models.CharField(choices=[('reject', 'Reject'), ('create', 'Create the person'), ('hold', 'Hold until the person is known')], default='reject', max_length=10)),
                    ('folder', models.CharField(blank=True, max_length=100)),
                    ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None)),
                    ('favourite', models.BooleanField(default=False)),
                    ('source_system', models.CharField(blank=True, help_text='The system that owns it, e.g. “ERP”.', max_length=100)),
                    ('expires_at', models.DateTimeField(blank=True, null=True)),
                    ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'audience',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='audience_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='audience_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e45259c88217282940459bfc7c43b2a1fd584707', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_08edd', table='audiences_audienceevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='ObjectiveEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('key', models.CharField(help_text='Fixed after the first save; API calls name it.', max_length=60, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]*$', 'Small letters, digits and _, beginning with a letter.')])),
                    ('label', models.CharField(max_length=100)),
                    ('description', models.TextField(blank=True, help_text='What the person is told when asked.')),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'objective',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='objective_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='objective_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4b7ccd7b3a99b579449d896c810097fe21899a01', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_879c7', table='audiences_objectiveevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='PropertyEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('key', models.CharField(help_text='Fixed after the first save.', max_length=60, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]*$', 'Small letters, digits and _, beginning with a letter.')])),
                    ('label', models.CharField(max_length=100)),
                    ('type', models.CharField(choices=[('text', 'Text'), ('number', 'Number'), ('boolean', 'Yes or no'), ('date', 'Date'), ('datetime', 'Date and time'), ('list', 'List of texts')], default='text', max_length=10)),
                    ('identifier', models.BooleanField(default=False, help_text='Its value names one person, like a customer number.')),
                    ('personal', models.BooleanField(default=True, help_text='Personal data: left out of logs and samples.')),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'property',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='property_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='property_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='cfd0fee4886c7ad9284e5c3b57a098c094f8b261', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_f2947', table='audiences_propertyevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='SuppressionEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('reason', models.CharField(choices=[('complaint', 'Complained of spam'), ('bounce', 'Bounced for good'), ('request', 'Asked never to be mailed'), ('erasure', 'Erased on request'), ('manual', 'Added by staff')], default='manual', max_length=10)),
                    ('source', models.CharField(blank=True, max_length=100)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'suppression',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='suppression_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='suppression_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='545cfc52d3dd969ee95153845539c60aa554ff3e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_b45e4', table='audiences_suppressionevent', when='BEFORE'))],
                },
            ),
        ),
        Isolate('Property', 'Objective', 'Profile', 'Audience', 'Identifier', 'Consent', 'Suppression', 'Member', 'Pending', 'Change'),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(MERGE_CONSENTS, migrations.RunSQL.noop),
        # Arrays of ids: compressing some ten thousand of them takes longer than writing them.
        migrations.RunSQL(
            'ALTER TABLE audiences_change ALTER profile_ids SET STORAGE EXTERNAL', migrations.RunSQL.noop
        ),
        IsolateEvents('AudienceEvent', 'ObjectiveEvent', 'PropertyEvent', 'SuppressionEvent'),
    ]
