"""References that are checked once per statement instead of once per row.

PostgreSQL's foreign keys look every new row up by itself and lock the row it refers to: 15 µs per row and key
where the target is partitioned, twice what writing the row costs. These triggers keep the same promise set-based:
no row refers to a row that is not there (of its own account), rows go with what they refer to, references never
move. The lock makes it hold among concurrent transactions: whoever refers holds it shared, whoever deletes
targets exclusively, each until the commit, so that a deletion sees every reference and a check every deletion.
"""

from __future__ import annotations

LOCK_KEY = "hashtextextended('{target}:' || {account}, 0)"

# EXECUTE plans anew each time: a plan kept from when the tables were empty has the wrong index. And look-ups by key
# only: a target that was never analysed looks empty to the planner, which then reads it whole. Neighbours (one row,
# or new rows referred to in the order they were made) are read as a range, which is four times as fast.
CHECK = """
CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_material = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    account bigint;
    lowest bigint;
    highest bigint;
    total bigint;
    missing boolean;
BEGIN
    FOR account, lowest, highest, total IN
        SELECT account_id, min("{column}"), max("{column}"), count(*) FROM added GROUP BY account_id
    LOOP
        PERFORM pg_advisory_xact_lock_shared({lock_key});
        IF highest - lowest <= 4 * total THEN
            EXECUTE 'SELECT EXISTS (
                SELECT "{column}" FROM added WHERE account_id = $1 AND "{column}" IS NOT NULL
                EXCEPT SELECT id FROM "{target}" WHERE account_id = $1 AND id BETWEEN $2 AND $3
            )' INTO missing USING account, lowest, highest;
        ELSE
            EXECUTE 'SELECT EXISTS (
                SELECT FROM (SELECT DISTINCT "{column}" AS id FROM added WHERE account_id = $1) reference
                WHERE reference.id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM "{target}" target WHERE target.account_id = $1 AND target.id = reference.id
                )
            )' INTO missing USING account;
        END IF;
        IF missing THEN
            RAISE EXCEPTION 'A row of {table} refers to a row of {target} that the account does not have.'
            USING ERRCODE = 'foreign_key_violation', TABLE = '{table}', CONSTRAINT = '{name}';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$
"""
CHECK_TRIGGER = """
CREATE TRIGGER "{name}" AFTER INSERT ON "{table}" REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION "{name}"()
"""

FOLLOW = """
CREATE FUNCTION "{name}_follow"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account bigint;
    referred boolean;
BEGIN
    FOR account IN SELECT DISTINCT account_id FROM gone LOOP
        PERFORM pg_advisory_xact_lock({lock_key});
        {action}
    END LOOP;
    RETURN NULL;
END
$$
"""
FOLLOW_TRIGGER = """
CREATE TRIGGER "{name}_follow" AFTER DELETE ON "{target}" REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION "{name}_follow"()
"""
REFERRING = (
    'FROM "{table}" WHERE account_id = $1 AND "{column}" IN (SELECT id FROM gone WHERE account_id = $1)'
)
ACTIONS = {
    "CASCADE": f"EXECUTE 'DELETE {REFERRING}' USING account;",
    "NO ACTION": f"EXECUTE 'SELECT EXISTS (SELECT {REFERRING})' INTO referred USING account; "
    "IF referred THEN RAISE EXCEPTION 'Rows of {table} refer to this one.' "
    "USING ERRCODE = 'foreign_key_violation', TABLE = '{target}', CONSTRAINT = '{name}'; END IF;",
}

STAY = """
CREATE OR REPLACE FUNCTION references_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A row of % does not move to another row or account.', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
$$
"""
STAY_TRIGGER = """
CREATE OR REPLACE TRIGGER "{table}_{column}_stays" BEFORE UPDATE OF account_id, "{column}" ON "{table}"
FOR EACH ROW WHEN (OLD."{column}" <> NEW."{column}" OR OLD.account_id <> NEW.account_id)
EXECUTE FUNCTION references_stay()
"""


def statements(table: str, column: str, target: str, on_delete: str) -> list[str]:
    """The statements that make `table.column` refer to `target.id` of the same account."""
    name = f"{table}_{column}_of_account"
    words = {"name": name, "table": table, "column": column, "target": target}
    words["lock_key"] = LOCK_KEY.format(target=target, account="account")
    words["action"] = ACTIONS[on_delete].format(**words)
    return [
        *(template.format(**words) for template in (CHECK, CHECK_TRIGGER, FOLLOW, FOLLOW_TRIGGER, STAY)),
        STAY_TRIGGER.format(table=table, column=column),
        STAY_TRIGGER.format(table=target, column="id"),
    ]
