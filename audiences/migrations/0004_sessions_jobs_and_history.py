from django.conf import settings
from django.db import migrations, models
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import syncapp.accounts.fields
from syncapp.audit.operations import IsolateEvents
from syncapp.database.operations import CreateModels, CreatePartitionedModel, Isolate, Together


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('audiences', '0003_reach'),
    ]

    operations = [
        Together(
            pgtrigger.migrations.RemoveTrigger(
                model_name='audience',
                name='insert_insert',
            ),
            pgtrigger.migrations.RemoveTrigger(
                model_name='audience',
                name='update_update',
            ),
            pgtrigger.migrations.RemoveTrigger(
                model_name='audience',
                name='delete_delete',
            ),
            migrations.AddField(
                model_name='audience',
                name='archived_at',
                field=models.DateTimeField(blank=True, editable=False, null=True),
            ),
            migrations.AddField(
                model_name='audience',
                name='replaced_at',
                field=models.DateTimeField(blank=True, editable=False, help_text="Snapshot time of the latest replace: everybody's last change is at least this.", null=True),
            ),
            migrations.AddField(
                model_name='audienceevent',
                name='archived_at',
                field=models.DateTimeField(blank=True, editable=False, null=True),
            ),
            migrations.AlterField(
                model_name='audience',
                name='identifier',
                field=models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address'), ('email_sha256', 'SHA-256 of the e-mail address'), ('id', 'Our own id')], default='external_id', max_length=20),
            ),
            migrations.AlterField(
                model_name='audienceevent',
                name='identifier',
                field=models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address'), ('email_sha256', 'SHA-256 of the e-mail address'), ('id', 'Our own id')], default='external_id', max_length=20),
            ),
            migrations.AlterField(
                model_name='pending',
                name='kind',
                field=models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address'), ('email_sha256', 'SHA-256 of the e-mail address'), ('id', 'Our own id')], max_length=20),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='audience',
                trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."archived_at" IS DISTINCT FROM (NEW."archived_at") OR OLD."deleted_at" IS DISTINCT FROM (NEW."deleted_at") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."external_id" IS DISTINCT FROM (NEW."external_id") OR OLD."favourite" IS DISTINCT FROM (NEW."favourite") OR OLD."folder" IS DISTINCT FROM (NEW."folder") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."identifier" IS DISTINCT FROM (NEW."identifier") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."labels" IS DISTINCT FROM (NEW."labels") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."source_system" IS DISTINCT FROM (NEW."source_system") OR OLD."unknown_contacts" IS DISTINCT FROM (NEW."unknown_contacts"))', func='INSERT INTO "audiences_audienceevent" ("account_id", "archived_at", "deleted_at", "description", "expires_at", "external_id", "favourite", "folder", "id", "identifier", "kind", "labels", "name", "pgh_context", "pgh_created_at", "pgh_label", "source_system", "unknown_contacts") VALUES (NEW."account_id", NEW."archived_at", NEW."deleted_at", NEW."description", NEW."expires_at", NEW."external_id", NEW."favourite", NEW."folder", NEW."id", NEW."identifier", NEW."kind", NEW."labels", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."source_system", NEW."unknown_contacts"); RETURN NULL;', hash='251c1308062906ed0c69771b748c40507f24c265', operation='UPDATE', pgid='pgtrigger_update_update_f0458', table='audiences_audience', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='audience',
                trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_audienceevent" ("account_id", "archived_at", "deleted_at", "description", "expires_at", "external_id", "favourite", "folder", "id", "identifier", "kind", "labels", "name", "pgh_context", "pgh_created_at", "pgh_label", "source_system", "unknown_contacts") VALUES (NEW."account_id", NEW."archived_at", NEW."deleted_at", NEW."description", NEW."expires_at", NEW."external_id", NEW."favourite", NEW."folder", NEW."id", NEW."identifier", NEW."kind", NEW."labels", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."source_system", NEW."unknown_contacts"); RETURN NULL;', hash='9638b5eb8f285072314812e4cc3cf671bac9689c', operation='INSERT', pgid='pgtrigger_insert_insert_13b03', table='audiences_audience', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='audience',
                trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_audienceevent" ("account_id", "archived_at", "deleted_at", "description", "expires_at", "external_id", "favourite", "folder", "id", "identifier", "kind", "labels", "name", "pgh_context", "pgh_created_at", "pgh_label", "source_system", "unknown_contacts") VALUES (OLD."account_id", OLD."archived_at", OLD."deleted_at", OLD."description", OLD."expires_at", OLD."external_id", OLD."favourite", OLD."folder", OLD."id", OLD."identifier", OLD."kind", OLD."labels", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."source_system", OLD."unknown_contacts"); RETURN NULL;', hash='2f42458eb9f65e11e6c53c0707721632683f50c6', operation='DELETE', pgid='pgtrigger_delete_delete_aeead', table='audiences_audience', when='AFTER')),
            ),
        ),
        CreateModels(
            migrations.CreateModel(
                name='Job',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('audience_replace', 'Replace an audience'), ('audience_delta', 'Change an audience'), ('audience_delete', 'Delete an audience'), ('audience_empty', 'Empty an audience'), ('contacts_import', 'Import contacts'), ('contact_delete', 'Delete a contact'), ('contact_erase', 'Erase a contact')], max_length=20)),
                    ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('completed_with_errors', 'Completed with errors'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=25)),
                    ('total', models.PositiveBigIntegerField(help_text='Null until it is known.', null=True)),
                    ('processed', models.PositiveBigIntegerField(default=0)),
                    ('succeeded', models.PositiveBigIntegerField(default=0)),
                    ('failed', models.PositiveBigIntegerField(default=0)),
                    ('skipped', models.PositiveBigIntegerField(default=0)),
                    ('error_summary', models.JSONField(default=list, help_text='[{code, count, retryable, sample}]')),
                    ('params', models.JSONField(default=dict)),
                    ('cursor', models.JSONField(default=dict)),
                    ('result', models.JSONField(default=dict)),
                    ('reason', models.CharField(blank=True, help_text='Why it failed or ended, in words.', max_length=300)),
                    ('approval', models.CharField(blank=True, choices=[('waiting', 'Waits for a person'), ('approved', 'Approved'), ('refused', 'Refused')], max_length=10)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('decision_reason', models.CharField(blank=True, max_length=200)),
                    ('cancel_asked_at', models.DateTimeField(null=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('started_at', models.DateTimeField(null=True)),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('expires_at', models.DateTimeField(help_text='Until when errors and results are kept.', null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='SET NULL', on_delete=django.db.models.deletion.DO_NOTHING, related_name='jobs', to='audiences.audience')),
                    ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('key', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='SET NULL', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.apikey')),
                ],
                options={
                    'ordering': ['-created_at'],
                    'indexes': [models.Index(fields=['account', '-id'], name='job_newest'), models.Index(fields=['account', 'expires_at'], name='job_expiring'), models.Index(condition=models.Q(('approval', 'waiting')), fields=['account', 'id'], name='job_waiting_for_a_person')],
                    'triggers': [pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."approval" IS DISTINCT FROM (NEW."approval") OR OLD."decided_by_id" IS DISTINCT FROM (NEW."decided_by_id") OR OLD."decision_reason" IS DISTINCT FROM (NEW."decision_reason") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind"))', func='INSERT INTO "audiences_jobevent" ("account_id", "approval", "decided_by_id", "decision_reason", "id", "kind", "pgh_context", "pgh_created_at", "pgh_label") VALUES (NEW."account_id", NEW."approval", NEW."decided_by_id", NEW."decision_reason", NEW."id", NEW."kind", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\'); RETURN NULL;', hash='97b024dc0d5dd60ba80801a6ba0defe8cacd4c38', operation='UPDATE', pgid='pgtrigger_update_update_5001d', table='audiences_job', when='AFTER'))],
                },
            ),
            CreatePartitionedModel(
                name='JobError',
                fields=[
                    ('pk', models.CompositePrimaryKey('account', 'job', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('number', models.BigIntegerField(help_text='Position in the job, from 0; for files the line, from 1.')),
                    ('code', models.CharField(max_length=40)),
                    ('detail', models.CharField(blank=True, max_length=300)),
                    ('pointer', models.CharField(blank=True, max_length=300)),
                    ('retryable', models.BooleanField(default=False)),
                    ('original', models.TextField(null=True)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('job', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='errors', to='audiences.job')),
                ],
                options={
                    'abstract': False,
                },
            ),
            migrations.CreateModel(
                name='JobPart',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(help_text='From 0.')),
                    ('items', models.PositiveIntegerField()),
                    ('first_line', models.PositiveBigIntegerField(default=0)),
                    ('body', models.BinaryField()),
                    ('done_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('job', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='audiences.job')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'job', 'number'), name='job_part_once')],
                },
            ),
            migrations.CreateModel(
                name='SyncSession',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('mode', models.CharField(choices=[('replace', 'Replace'), ('delta', 'Change')], max_length=7)),
                    ('state', models.CharField(choices=[('open', 'Open'), ('validating', 'Being checked'), ('ready', 'Ready'), ('blocked_by_guard', 'Stopped by a guard'), ('applying', 'Being applied'), ('completed', 'Completed'), ('completed_with_errors', 'Completed with errors'), ('failed', 'Failed'), ('expired', 'Expired'), ('cancelled', 'Cancelled')], default='open', max_length=25)),
                    ('snapshot_at', models.DateTimeField(help_text="As of when the caller's system looked.")),
                    ('expected_total', models.PositiveIntegerField(null=True)),
                    ('identifier', models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address'), ('email_sha256', 'SHA-256 of the e-mail address'), ('id', 'Our own id')], max_length=20)),
                    ('unknown_contacts', models.CharField(choices=[('reject', 'Reject'), ('create', 'Create the person'), ('hold', 'Hold until the person is known')], max_length=10)),
                    ('guards', models.JSONField(default=dict)),
                    ('guard', models.JSONField(null=True)),
                    ('confirm_sha256', models.BinaryField(max_length=32, null=True)),
                    ('content_sha256', models.BinaryField(max_length=32, null=True)),
                    ('confirmed_at', models.DateTimeField(null=True)),
                    ('external_run_id', models.CharField(blank=True, max_length=255)),
                    ('counters', models.JSONField(default=dict)),
                    ('reason', models.CharField(blank=True, max_length=300)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('expires_at', models.DateTimeField()),
                    ('committed_at', models.DateTimeField(null=True)),
                    ('finished_at', models.DateTimeField(null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='syncs', to='audiences.audience')),
                    ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('job', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='SET NULL', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='audiences.job')),
                    ('key', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, null=True, on_database_delete='SET NULL', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.apikey')),
                ],
                options={
                    'ordering': ['-created_at'],
                    'indexes': [models.Index(fields=['account', 'audience', '-id'], name='sync_newest'), models.Index(condition=models.Q(('state__in', ['open', 'ready', 'blocked_by_guard'])), fields=['account', 'expires_at'], name='sync_expiring')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('mode', 'replace'), ('state__in', ['open', 'validating', 'ready', 'blocked_by_guard', 'applying'])), fields=('account', 'audience'), name='sync_one_replace_at_a_time'), models.UniqueConstraint(condition=models.Q(('external_run_id', ''), _negated=True), fields=('account', 'key', 'audience', 'external_run_id'), name='sync_once_per_external_run')],
                    'triggers': [pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."confirmed_by_id" IS DISTINCT FROM (NEW."confirmed_by_id") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."state" IS DISTINCT FROM (NEW."state"))', func='INSERT INTO "audiences_syncsessionevent" ("account_id", "confirmed_by_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "state") VALUES (NEW."account_id", NEW."confirmed_by_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."state"); RETURN NULL;', hash='1da499b3ddd55f65460df674a126fdd07163325f', operation='UPDATE', pgid='pgtrigger_update_update_c24fe', table='audiences_syncsession', when='AFTER'))],
                },
            ),
            migrations.CreateModel(
                name='SyncChunk',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(help_text='From 1.')),
                    ('sha256', models.BinaryField(max_length=32)),
                    ('items', models.PositiveIntegerField()),
                    ('failed', models.PositiveIntegerField(default=0)),
                    ('received_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('session', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='audiences.syncsession')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'session', 'number'), name='sync_chunk_once')],
                },
            ),
            CreatePartitionedModel(
                name='StagedItem',
                fields=[
                    ('pk', models.CompositePrimaryKey('account', 'session', 'chunk', 'position', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('chunk', models.PositiveIntegerField()),
                    ('position', models.PositiveIntegerField(help_text='Within the chunk, from 0.')),
                    ('op', models.CharField(choices=[('add', 'Add'), ('remove', 'Remove')], max_length=6)),
                    ('kind', models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address'), ('email_sha256', 'SHA-256 of the e-mail address'), ('id', 'Our own id')], max_length=20)),
                    ('value', models.CharField(max_length=255)),
                    ('occurred_at', models.DateTimeField(null=True)),
                    ('contact', models.JSONField(help_text='Contact data to be written, as in a batch.', null=True)),
                    ('code', models.CharField(blank=True, max_length=40)),
                    ('detail', models.CharField(blank=True, max_length=300)),
                    ('pointer', models.CharField(blank=True, max_length=300)),
                    ('original', models.TextField(null=True)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('session', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='staged', to='audiences.syncsession')),
                ],
                options={
                    'abstract': False,
                },
            ),
            migrations.CreateModel(
                name='MembershipChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(help_text='When it was applied.')),
                    ('source', models.CharField(blank=True, help_text='As in Member.source.', max_length=100)),
                    ('added', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                    ('removed', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                    ('lowest', models.BigIntegerField()),
                    ('highest', models.BigIntegerField()),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='audiences.audience')),
                ],
                options={
                    'indexes': [models.Index(fields=['account', 'audience', '-at'], name='membership_change_newest')],
                },
            ),
            migrations.CreateModel(
                name='AudienceSize',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField()),
                    ('members', models.PositiveIntegerField()),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('audience', syncapp.accounts.fields.AccountForeignKey(db_constraint=False, db_index=False, on_database_delete='CASCADE', on_delete=django.db.models.deletion.CASCADE, related_name='sizes', to='audiences.audience')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'audience', 'day'), name='audience_size_once_a_day')],
                },
            ),
            migrations.CreateModel(
                name='PushSettings',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('is_enabled', models.BooleanField(default=True, help_text='Off: every call is refused with feature_not_enabled.', verbose_name='audience API')),
                    ('requires_approval', models.BooleanField(default=False, help_text='Deleting, emptying, replacing and erasing wait until somebody here approves.', verbose_name='destructive calls need a person')),
                    ('restore_days', models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(90)], verbose_name='days a deleted audience can be restored')),
                    ('mailplus_may_empty', models.BooleanField(default=False, help_text='As Spotler Mail+ does. Off: such a call is refused, for it is usually a mistake.', verbose_name='a Mail+ removal without a body empties')),
                    ('activate_objectives', models.JSONField(blank=True, default=dict, help_text='{newsletter, service, marketing: objective key}; a missing one is the objective of that name.', verbose_name='objectives of Activate’s consents')),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'push settings',
                    'verbose_name_plural': 'push settings',
                    'constraints': [models.UniqueConstraint(fields=('account',), name='push_settings_once')],
                    'triggers': [pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "audiences_pushsettingsevent" ("account_id", "activate_objectives", "id", "is_enabled", "mailplus_may_empty", "pgh_context", "pgh_created_at", "pgh_label", "requires_approval", "restore_days") VALUES (NEW."account_id", NEW."activate_objectives", NEW."id", NEW."is_enabled", NEW."mailplus_may_empty", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'update\', NEW."requires_approval", NEW."restore_days"); RETURN NULL;', hash='044c4ccab6eb8df99b2593e0a9e99993a2882895', operation='UPDATE', pgid='pgtrigger_update_update_a84ec', table='audiences_pushsettings', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_pushsettingsevent" ("account_id", "activate_objectives", "id", "is_enabled", "mailplus_may_empty", "pgh_context", "pgh_created_at", "pgh_label", "requires_approval", "restore_days") VALUES (NEW."account_id", NEW."activate_objectives", NEW."id", NEW."is_enabled", NEW."mailplus_may_empty", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'insert\', NEW."requires_approval", NEW."restore_days"); RETURN NULL;', hash='58bf8cef3a038f4a8f64eaf1c5d831c0a76374cc', operation='INSERT', pgid='pgtrigger_insert_insert_b4dde', table='audiences_pushsettings', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "audiences_pushsettingsevent" ("account_id", "activate_objectives", "id", "is_enabled", "mailplus_may_empty", "pgh_context", "pgh_created_at", "pgh_label", "requires_approval", "restore_days") VALUES (OLD."account_id", OLD."activate_objectives", OLD."id", OLD."is_enabled", OLD."mailplus_may_empty", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'delete\', OLD."requires_approval", OLD."restore_days"); RETURN NULL;', hash='33b912953060e2df6539f8394f7d9a9e17c89833', operation='DELETE', pgid='pgtrigger_delete_delete_0167d', table='audiences_pushsettings', when='AFTER'))],
                },
            ),
            CreatePartitionedModel(
                name='Event',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('stream', models.CharField(max_length=40)),
                    ('type', models.CharField(max_length=60)),
                    ('occurred_at', models.DateTimeField()),
                    ('recorded_at', models.DateTimeField(auto_now_add=True)),
                    ('dedupe_key', models.CharField(max_length=64)),
                    ('data', models.JSONField(default=dict)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                    ('profile', syncapp.accounts.fields.AccountForeignKey(checked='statement', db_constraint=False, db_index=False, null=True, on_database_delete='CASCADE', on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='audiences.profile')),
                ],
                options={
                    'indexes': [models.Index(fields=['account', 'profile', '-occurred_at'], name='event_by_profile')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'stream', 'dedupe_key'), name='event_once')],
                },
            ),
            migrations.CreateModel(
                name='Product',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('external_id', models.CharField(max_length=255)),
                    ('language', models.CharField(blank=True, max_length=20)),
                    ('data', models.JSONField(default=dict)),
                    ('created_at', models.DateTimeField(auto_now_add=True)),
                    ('updated_at', models.DateTimeField(auto_now=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'external_id', 'language'), name='product_once')],
                },
            ),
            migrations.CreateModel(
                name='Erasure',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('external_id', 'External id'), ('email', 'E-mail address')], max_length=20)),
                    ('value_hmac', models.BinaryField(max_length=32)),
                    ('erased_at', models.DateTimeField(auto_now_add=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('account', 'kind', 'value_hmac'), name='erasure_once')],
                },
            ),
            migrations.CreateModel(
                name='JobEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('kind', models.CharField(choices=[('audience_replace', 'Replace an audience'), ('audience_delta', 'Change an audience'), ('audience_delete', 'Delete an audience'), ('audience_empty', 'Empty an audience'), ('contacts_import', 'Import contacts'), ('contact_delete', 'Delete a contact'), ('contact_erase', 'Erase a contact')], max_length=20)),
                    ('approval', models.CharField(blank=True, choices=[('waiting', 'Waits for a person'), ('approved', 'Approved'), ('refused', 'Refused')], max_length=10)),
                    ('decision_reason', models.CharField(blank=True, max_length=200)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                    ('decided_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'API job',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='job_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='job_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c7843cd496c2fe6867ec2e827dc6a588dd0104ed', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_f45f1', table='audiences_jobevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='PushSettingsEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('is_enabled', models.BooleanField(default=True, help_text='Off: every call is refused with feature_not_enabled.', verbose_name='audience API')),
                    ('requires_approval', models.BooleanField(default=False, help_text='Deleting, emptying, replacing and erasing wait until somebody here approves.', verbose_name='destructive calls need a person')),
                    ('restore_days', models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(90)], verbose_name='days a deleted audience can be restored')),
                    ('mailplus_may_empty', models.BooleanField(default=False, help_text='As Spotler Mail+ does. Off: such a call is refused, for it is usually a mistake.', verbose_name='a Mail+ removal without a body empties')),
                    ('activate_objectives', models.JSONField(blank=True, default=dict, help_text='{newsletter, service, marketing: objective key}; a missing one is the objective of that name.', verbose_name='objectives of Activate’s consents')),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                ],
                options={
                    'verbose_name': 'push settings',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='pushsettings_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='pushsettings_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='98bf42911d4bdfcb8f0eed9187d2c50d98e3c18d', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_e6c97', table='audiences_pushsettingsevent', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='SyncSessionEvent',
                fields=[
                    ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                    ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                    ('pgh_label', models.TextField(help_text='The event label.')),
                    ('pgh_context', pghistory.utils.JSONField(null=True)),
                    ('id', models.BigIntegerField()),
                    ('state', models.CharField(choices=[('open', 'Open'), ('validating', 'Being checked'), ('ready', 'Ready'), ('blocked_by_guard', 'Stopped by a guard'), ('applying', 'Being applied'), ('completed', 'Completed'), ('completed_with_errors', 'Completed with errors'), ('failed', 'Failed'), ('expired', 'Expired'), ('cancelled', 'Cancelled')], default='open', max_length=25)),
                    ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='accounts.account', verbose_name='client')),
                    ('confirmed_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'sync session',
                    'abstract': False,
                    'indexes': [models.Index(fields=['account', '-pgh_id'], name='syncsession_event_by_time'), models.Index(fields=['account', 'id', '-pgh_id'], name='syncsession_event_by_row')],
                    'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='1477a8cfe6d21ce82cf5906967a98e503277a04b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_def00', table='audiences_syncsessionevent', when='BEFORE'))],
                },
            ),
        ),
        Isolate('Job', 'JobError', 'JobPart', 'SyncSession', 'SyncChunk', 'StagedItem', 'MembershipChange', 'AudienceSize', 'PushSettings', 'Event', 'Product', 'Erasure'),
        IsolateEvents('JobEvent', 'PushSettingsEvent', 'SyncSessionEvent'),
        migrations.RunSQL(
            'ALTER TABLE audiences_membershipchange ALTER added SET STORAGE EXTERNAL, ALTER removed SET STORAGE EXTERNAL',
            migrations.RunSQL.noop,
        ),
    ]
