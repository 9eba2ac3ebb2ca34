import django.contrib.postgres.fields
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import syncapp.accounts.fields
from django.conf import settings
from django.db import migrations, models

from syncapp.audit.operations import IsolateEvents
from syncapp.database.operations import CreateModels, Isolate, Together


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_scopes_of_the_whole_api'),
        ('audiences', '0004_sessions_jobs_and_history'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='MemberExport',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=255)),
                    ('columns', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, size=None)),
                    ('members', models.PositiveIntegerField(default=0)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='SET NULL', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='audiences.audience')),
                    ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-created_at'],
                },
            ),
            migrations.CreateModel(
                name='MemberExportEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('name', models.CharField(max_length=255)),
                    ('columns', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), default=list, size=None)),
                    ('members', models.PositiveIntegerField(default=0)),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                    ('created_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'member export',
                    'abstract': False,
                },
            ),
        ),
        Together(
            pgtrigger.migrations.AddTrigger(
                model_name='memberexport',
                trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."columns" IS DISTINCT FROM (NEW."columns") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."finished_at" IS DISTINCT FROM (NEW."finished_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."members" IS DISTINCT FROM (NEW."members") OR OLD."name" IS DISTINCT FROM (NEW."name"))', func='INSERT INTO "audiences_memberexportevent" ("account_id", "columns", "created_by_id", "finished_at", "id", "members", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."columns", NEW."created_by_id", NEW."finished_at", NEW."id", NEW."members", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='ae6c74e5a25b3f839db35b028c11ac053894f28f', operation='UPDATE', pgid='pgtrigger_update_update_269ba', table='audiences_memberexport', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='memberexport',
                trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_memberexportevent" ("account_id", "columns", "created_by_id", "finished_at", "id", "members", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."columns", NEW."created_by_id", NEW."finished_at", NEW."id", NEW."members", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\'); RETURN NULL;', hash='5a4985302d65d41b1cc65531a3830d420f25b69d', operation='INSERT', pgid='pgtrigger_insert_insert_140cd', table='audiences_memberexport', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='memberexport',
                trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_memberexportevent" ("account_id", "columns", "created_by_id", "finished_at", "id", "members", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (OLD."account_id", OLD."columns", OLD."created_by_id", OLD."finished_at", OLD."id", OLD."members", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\'); RETURN NULL;', hash='f6c932d8e2405f6e0e04cca5fe7c2eeabf34861c', operation='DELETE', pgid='pgtrigger_delete_delete_c672f', table='audiences_memberexport', when='AFTER')),
            ),
            migrations.AddIndex(
                model_name='memberexportevent',
                index=models.Index(fields=['account', '-pgh_id'], name='memberexport_event_by_time'),
            ),
            migrations.AddIndex(
                model_name='memberexportevent',
                index=models.Index(fields=['account', 'id', '-pgh_id'], name='memberexport_event_by_row'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='memberexportevent',
                trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='9f35f0850c2a80e786fb8c7ec2a71c9f00554aa1', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_5ea49', table='audiences_memberexportevent', when='BEFORE')),
            ),
        ),
        Isolate('MemberExport'),
        IsolateEvents('MemberExportEvent'),
    ]
