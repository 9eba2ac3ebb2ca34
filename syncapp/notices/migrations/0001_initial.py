import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pghistory.utils
import pgtrigger.compiler
import syncapp.accounts.fields
import syncapp.secrets
import uuid
from django.conf import settings
from django.db import migrations, models

from syncapp.audit.operations import IsolateEvents
from syncapp.database.operations import CreateModels, Isolate


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels(
            migrations.CreateModel(
                name='Alert',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=40)),
                    ('subject', models.CharField(max_length=120)),
                    ('subject_label', models.CharField(max_length=200, verbose_name='about')),
                    ('source', models.CharField(db_default='', max_length=120)),
                    ('severity', models.CharField(choices=[('error', 'Error'), ('warning', 'Warning'), ('info', 'For your information')], max_length=10)),
                    ('title', models.CharField(max_length=200)),
                    ('words', models.CharField(blank=True, help_text="What to do; never a person's data.", max_length=1000)),
                    ('url', models.CharField(help_text='The page where it can be mended; begins with /.', max_length=300)),
                    ('first_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='since')),
                    ('last_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='last time')),
                    ('times', models.PositiveIntegerField(db_default=1)),
                    ('told_times', models.PositiveIntegerField(db_default=0)),
                    ('told_at', models.DateTimeField(null=True)),
                    ('resolved_at', models.DateTimeField(null=True, verbose_name='resolved')),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'indexes': [models.Index(fields=['account', '-resolved_at'], name='alert_by_resolution')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at', None)), fields=('account', 'kind', 'subject'), name='alert_open_once_per_subject')],
                },
            ),
            migrations.CreateModel(
                name='Preference',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=40)),
                    ('source', models.CharField(blank=True, default='', max_length=120)),
                    ('when', models.CharField(choices=[('never', 'Off'), ('first', 'First time'), ('every', 'Every time')], max_length=5)),
                    ('resolved', models.BooleanField(default=True, help_text='Also say when it is resolved.')),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'user', 'kind', 'source'), name='preference_once_per_kind')],
                },
            ),
            migrations.CreateModel(
                name='Mail',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('about', models.CharField(choices=[('raised', 'Alert raised'), ('resolved', 'Alert resolved'), ('digest', 'Daily digest')], max_length=10)),
                    ('occurrence', models.PositiveIntegerField(db_default=1)),
                    ('day', models.DateField(help_text="Of a digest: the account's own date.", null=True)),
                    ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('dropped', 'Not sent: no longer wanted or allowed'), ('failed', 'Given up')], db_default='waiting', max_length=10)),
                    ('attempts', models.PositiveSmallIntegerField(db_default=0)),
                    ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('error', models.CharField(db_default='', max_length=200)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('sent_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('alert', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='notices.alert')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['next_attempt_at'], name='mail_waiting')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'alert', 'user', 'about', 'occurrence'), name='mail_once_per_occurrence'), models.UniqueConstraint(condition=models.Q(('about', 'digest')), fields=('account', 'user', 'day'), name='mail_one_digest_a_day')],
                },
            ),
            migrations.CreateModel(
                name='Digest',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField(help_text="The account's own date.")),
                    ('planned_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'day'), name='digest_once_a_day')],
                },
            ),
            migrations.CreateModel(
                name='Endpoint',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('name', models.CharField(help_text='Which system it is, e.g. “Service desk”.', max_length=100)),
                    ('url', models.CharField(help_text='Begins with https://.', max_length=500, verbose_name='address')),
                    ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, help_text='Empty: all of them.', size=None)),
                    ('every_time', models.BooleanField(default=False, help_text='Also when an open alert happens again, not only the first time.', verbose_name='every time')),
                    ('secrets', syncapp.secrets.EncryptedJSONField(default=dict, editable=False)),
                    ('previous_until', models.DateTimeField(editable=False, null=True)),
                    ('enabled', models.BooleanField(default=True)),
                    ('disabled_reason', models.CharField(blank=True, editable=False, max_length=200)),
                    ('last_success_at', models.DateTimeField(editable=False, null=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'webhook',
                    'ordering': ['name'],
                    'constraints': [models.UniqueConstraint(fields=('account', 'name'), name='endpoint_name_per_account')],
                    'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "notices_endpointevent" ("account_id", "disabled_reason", "enabled", "every_time", "id", "kinds", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."disabled_reason", NEW."enabled", NEW."every_time", NEW."id", NEW."kinds", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\'); RETURN NULL;', hash='e3bba0f376ec2289299a589abbc2eb72da6555ba', operation='INSERT', pgid='pgtrigger_insert_insert_435be', table='notices_endpoint', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."disabled_reason" IS DISTINCT FROM (NEW."disabled_reason") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."every_time" IS DISTINCT FROM (NEW."every_time") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kinds" IS DISTINCT FROM (NEW."kinds") OR OLD."name" IS DISTINCT FROM (NEW."name"))', func='INSERT INTO "notices_endpointevent" ("account_id", "disabled_reason", "enabled", "every_time", "id", "kinds", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."disabled_reason", NEW."enabled", NEW."every_time", NEW."id", NEW."kinds", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='f1d46e84f8738b4aabbb6378a1b0669ee2122875', operation='UPDATE', pgid='pgtrigger_update_update_86671', table='notices_endpoint', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "notices_endpointevent" ("account_id", "disabled_reason", "enabled", "every_time", "id", "kinds", "name", "pgh_context", "pgh_created_at", "pgh_label") VALUES (OLD."account_id", OLD."disabled_reason", OLD."enabled", OLD."every_time", OLD."id", OLD."kinds", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\'); RETURN NULL;', hash='68cbfa703523e22392e36a15cb17c8c9d7d89620', operation='DELETE', pgid='pgtrigger_delete_delete_f34a3', table='notices_endpoint', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='Delivery',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('type', models.CharField(max_length=40)),
                    ('occurrence', models.PositiveIntegerField(db_default=1)),
                    ('message_id', models.CharField(editable=False, max_length=40, verbose_name='webhook-id')),
                    ('body', models.TextField()),
                    ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Given up')], db_default='waiting', max_length=10)),
                    ('attempts', models.PositiveSmallIntegerField(db_default=0)),
                    ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('last_status', models.PositiveSmallIntegerField(null=True, verbose_name='status')),
                    ('last_error', models.CharField(db_default='', max_length=200, verbose_name='answer')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('delivered_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('alert', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='notices.alert')),
                    ('endpoint', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notices.endpoint', verbose_name='webhook')),
                ],
                options={
                    'verbose_name_plural': 'deliveries',
                    'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['account', 'endpoint', 'next_attempt_at'], name='delivery_waiting'), models.Index(fields=['account', 'endpoint', '-id'], name='delivery_newest')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'endpoint', 'alert', 'type', 'occurrence'), name='delivery_once_per_occurrence')],
                },
            ),
            migrations.CreateModel(
                name='EndpointEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, serialize=False)),
                    ('name', models.CharField(help_text='Which system it is, e.g. “Service desk”.', max_length=100)),
                    ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, help_text='Empty: all of them.', size=None)),
                    ('every_time', models.BooleanField(default=False, help_text='Also when an open alert happens again, not only the first time.', verbose_name='every time')),
                    ('enabled', models.BooleanField(default=True)),
                    ('disabled_reason', models.CharField(blank=True, editable=False, max_length=200)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'webhook',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='endpoint_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='endpoint_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='33d89f08cada59411076d6a2ee2dc12c7a649ca6', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_68127', table='notices_endpointevent', when='BEFORE'))],
                },
            ),
        ),
        Isolate('Alert', 'Preference', 'Mail', 'Digest', 'Endpoint', 'Delivery'),
        IsolateEvents('EndpointEvent'),
    ]
