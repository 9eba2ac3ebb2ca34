import django.contrib.postgres.fields
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from syncapp.database.operations import Together


class Migration(migrations.Migration):

    dependencies = [
        ('notices', '0001_initial'),
    ]

    operations = [
        Together(
            pgtrigger.migrations.RemoveTrigger(
                model_name='endpoint',
                name='insert_insert',
            ),
            pgtrigger.migrations.RemoveTrigger(
                model_name='endpoint',
                name='update_update',
            ),
            pgtrigger.migrations.RemoveTrigger(
                model_name='endpoint',
                name='delete_delete',
            ),
            migrations.AddField(
                model_name='delivery',
                name='merge_key',
                field=models.CharField(db_default='', editable=False, help_text='What happens again before the first attempt, under the same key, is added to this message.', max_length=120),
            ),
            migrations.AddField(
                model_name='endpoint',
                name='events',
                field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Empty: none of them.', size=None),
            ),
            migrations.AddField(
                model_name='endpoint',
                name='hears_alerts',
                field=models.BooleanField(db_default=True, default=True, help_text='It is told when something needs a person.', verbose_name='alerts'),
            ),
            migrations.AddField(
                model_name='endpointevent',
                name='events',
                field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Empty: none of them.', size=None),
            ),
            migrations.AddField(
                model_name='endpointevent',
                name='hears_alerts',
                field=models.BooleanField(db_default=True, default=True, help_text='It is told when something needs a person.', verbose_name='alerts'),
            ),
            migrations.AddIndex(
                model_name='delivery',
                index=models.Index(condition=models.Q(('attempts', 0), ('state', 'waiting'), models.Q(('merge_key', ''), _negated=True)), fields=['account', 'endpoint', 'merge_key'], name='delivery_merging'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='endpoint',
                trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."disabled_reason" IS DISTINCT FROM (NEW."disabled_reason") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."events" IS DISTINCT FROM (NEW."events") OR OLD."every_time" IS DISTINCT FROM (NEW."every_time") OR OLD."hears_alerts" IS DISTINCT FROM (NEW."hears_alerts") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kinds" IS DISTINCT FROM (NEW."kinds") OR OLD."name" IS DISTINCT FROM (NEW."name"))', func='INSERT INTO "notices_endpointevent" ("account_id", "disabled_reason", "enabled", "events", "every_time", "hears_alerts", "id", "kinds", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."disabled_reason", NEW."enabled", NEW."events", NEW."every_time", NEW."hears_alerts", NEW."id", NEW."kinds", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='4ee1ff4b209a01c1c20d257585550a6010e2ef09', operation='UPDATE', pgid='pgtrigger_update_update_86671', table='notices_endpoint', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='endpoint',
                trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "notices_endpointevent" ("account_id", "disabled_reason", "enabled", "events", "every_time", "hears_alerts", "id", "kinds", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."disabled_reason", NEW."enabled", NEW."events", NEW."every_time", NEW."hears_alerts", NEW."id", NEW."kinds", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\'); RETURN NULL;', hash='94ed81bb389975b31e0dac55b7e4b2d892c9a822', operation='INSERT', pgid='pgtrigger_insert_insert_435be', table='notices_endpoint', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='endpoint',
                trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "notices_endpointevent" ("account_id", "disabled_reason", "enabled", "events", "every_time", "hears_alerts", "id", "kinds", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (OLD."account_id", OLD."disabled_reason", OLD."enabled", OLD."events", OLD."every_time", OLD."hears_alerts", OLD."id", OLD."kinds", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\'); RETURN NULL;', hash='3beb7367cde335265e9d30b382671b3bb72057f2', operation='DELETE', pgid='pgtrigger_delete_delete_f34a3', table='notices_endpoint', when='AFTER')),
            ),
        ),
    ]
