#include "gateway/store_impl.h"

#include "gateway/reason.h"

/*
 * Step n leads from version n to n + 1. What has been released is never edited: append a step.
 * States, boxes and kinds are words, so that an operator with a database shell reads them and the
 * enums may be renumbered. Partial indexes hold the few live rows among the many finished ones;
 * whoever changes their WHERE changes the queries that repeat it word for word.
 */
static const char *const steps[] = {
    /* 0 -> 1: messages, files, events, small facts */
    "CREATE TABLE message ("
    "  id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, endpoint TEXT NOT NULL,"
    "  box TEXT NOT NULL, state TEXT NOT NULL, peer TEXT NOT NULL,"
    "  recipient TEXT, sender TEXT, message_type TEXT, subject TEXT,"
    "  priority INTEGER NOT NULL, osci_message_id TEXT, correlation TEXT, client_key TEXT,"
    "  source_name TEXT, size_bytes INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    "  changed_at INTEGER NOT NULL, deliver_after INTEGER NOT NULL, expires_at INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, next_attempt_at INTEGER NOT NULL,"
    "  last_reason INTEGER NOT NULL, last_error_en TEXT, last_error_de TEXT,"
    "  creation_text TEXT, creation_ms INTEGER, forwarding_text TEXT, forwarding_ms INTEGER,"
    "  reception_text TEXT, reception_ms INTEGER, inspections TEXT);"
    "CREATE UNIQUE INDEX message_client_key ON message (tenant, endpoint, client_key)"
    "  WHERE client_key IS NOT NULL;"
    "CREATE UNIQUE INDEX message_osci_id ON message (osci_message_id, box, tenant, peer)"
    "  WHERE osci_message_id IS NOT NULL;"
    "CREATE INDEX message_state ON message (box, state, id, tenant, endpoint);"
    "CREATE INDEX message_due ON message (box, priority DESC, next_attempt_at)"
    "  WHERE state IN ('accepted', 'sealed', 'received', 'opened', 'deferred');"
    "CREATE INDEX message_outstanding ON message (id)"
    "  WHERE state IN ('submitted', 'forwarded');"
    "CREATE INDEX message_expiring ON message (expires_at) WHERE expires_at > 0 AND"
    "  state IN ('accepted', 'sealed', 'deferred', 'submitted', 'forwarded');"
    "CREATE TABLE file ("
    "  owner TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT, content_type TEXT,"
    "  ref TEXT, path TEXT NOT NULL, len INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    "  damaged INTEGER NOT NULL, PRIMARY KEY (owner, n)) WITHOUT ROWID;"
    "CREATE TABLE event ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, message_id TEXT, tenant TEXT,"
    "  endpoint TEXT, kind TEXT NOT NULL, box TEXT NOT NULL, from_state TEXT NOT NULL,"
    "  to_state TEXT NOT NULL, actor TEXT, reason INTEGER NOT NULL, en TEXT, de TEXT,"
    "  detail TEXT);"
    "CREATE INDEX event_message ON event (message_id) WHERE message_id IS NOT NULL;"
    "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    /* the intermediary: issued ids, deliveries with their process cards */
    "CREATE TABLE osci_id ("
    "  id TEXT NOT NULL PRIMARY KEY, client BLOB NOT NULL, issued_at INTEGER NOT NULL,"
    "  used_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX osci_id_open ON osci_id (client, issued_at) WHERE used_at = 0;"
    "CREATE TABLE delivery ("
    "  id TEXT NOT NULL PRIMARY KEY, osci_message_id TEXT NOT NULL, tenant TEXT,"
    "  kind TEXT NOT NULL, mailbox BLOB NOT NULL, originator_cipher BLOB NOT NULL,"
    "  originator_signature BLOB NOT NULL, subject TEXT, creation INTEGER NOT NULL,"
    "  forwarding INTEGER NOT NULL, reception INTEGER NOT NULL, modification INTEGER NOT NULL,"
    "  size_bytes INTEGER NOT NULL, parts BLOB, inspections BLOB, content INTEGER NOT NULL,"
    "  damaged INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX delivery_osci_id ON delivery (osci_message_id);"
    "CREATE INDEX delivery_waiting ON delivery (mailbox, creation)"
    "  WHERE reception = 0 AND content = 1 AND damaged = 0;"
    "CREATE INDEX delivery_mailbox ON delivery (mailbox, creation);"
    "CREATE INDEX delivery_mailbox_changed ON delivery (mailbox, modification);"
    "CREATE INDEX delivery_cipher ON delivery (originator_cipher, creation);"
    "CREATE INDEX delivery_cipher_changed ON delivery (originator_cipher, modification);"
    "CREATE INDEX delivery_signature ON delivery (originator_signature, creation);"
    "CREATE INDEX delivery_signature_changed ON delivery (originator_signature, modification);"
    "CREATE INDEX delivery_content ON delivery (reception, creation) WHERE content = 1;"
    "CREATE INDEX delivery_card ON delivery (modification) WHERE content = 0;",
    /* 1 -> 2: messages whose outcome is unclear */
    "DROP INDEX message_due;"
    "CREATE INDEX message_due ON message (box, priority DESC, next_attempt_at)"
    "  WHERE state IN ('accepted', 'sealed', 'received', 'opened', 'deferred', 'unclear');"
    "DROP INDEX message_expiring;"
    "CREATE INDEX message_expiring ON message (expires_at) WHERE expires_at > 0 AND"
    "  state IN ('accepted', 'sealed', 'deferred', 'unclear', 'submitted', 'forwarded');",
    /* 2 -> 3: the way of a message where it is not its partner's; requests that want an answer */
    "ALTER TABLE message ADD COLUMN delivery TEXT;"
    "ALTER TABLE message ADD COLUMN answer TEXT;"
    "ALTER TABLE message ADD COLUMN answer_due_at INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE request ("
    "  message_id TEXT NOT NULL PRIMARY KEY, due_at INTEGER NOT NULL, command INTEGER NOT NULL,"
    "  reply_osci_id TEXT, asker BLOB NOT NULL, answer_id TEXT) WITHOUT ROWID;"
    "CREATE INDEX message_answer ON message (id) WHERE answer = 'awaited';",
    /* 3 -> 4: the intermediary: deliveries in chunks, on their way in and out */
    "CREATE TABLE transfer ("
    "  id TEXT NOT NULL PRIMARY KEY, osci_message_id TEXT NOT NULL, cipher BLOB NOT NULL,"
    "  signature BLOB NOT NULL, size_kb INTEGER NOT NULL, total INTEGER NOT NULL,"
    "  total_kb INTEGER NOT NULL, received BLOB NOT NULL, began_at INTEGER NOT NULL,"
    "  changed_at INTEGER NOT NULL, completed_at INTEGER NOT NULL, result TEXT) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX transfer_osci_id ON transfer (osci_message_id);"
    "CREATE INDEX transfer_open ON transfer (cipher, total_kb) WHERE result IS NULL;"
    "CREATE INDEX transfer_changed ON transfer (changed_at);"
    "CREATE TABLE frame ("
    "  osci_message_id TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL, used_at INTEGER NOT NULL)"
    "  WITHOUT ROWID;",
    /* 4 -> 5: the intermediary: tenants with ids of their own, whose a mailbox is, what quotas
       count */
    "ALTER TABLE osci_id ADD COLUMN tenant TEXT;"
    "ALTER TABLE transfer ADD COLUMN tenant TEXT;"
    "CREATE TABLE mailbox ("
    "  tenant TEXT NOT NULL, id BLOB NOT NULL, subject TEXT NOT NULL, first_at INTEGER NOT NULL,"
    "  PRIMARY KEY (tenant, id)) WITHOUT ROWID;"
    "CREATE INDEX delivery_mailbox_room ON delivery (mailbox, tenant, size_bytes)"
    "  WHERE reception = 0 AND content = 1 AND damaged = 0;"
    "CREATE INDEX delivery_client_room ON delivery (originator_cipher, tenant, size_bytes)"
    "  WHERE reception = 0 AND content = 1 AND damaged = 0;",
    /* 5 -> 6: XTA: ids issued and used, what XTA knows of a message, iterations through a box */
    "CREATE TABLE xta_id ("
    "  id TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, issued_at INTEGER NOT NULL,"
    "  message_id TEXT) WITHOUT ROWID;"
    "CREATE INDEX xta_id_unused ON xta_id (issued_at) WHERE message_id IS NULL;"
    "CREATE TABLE xta_message ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, xta_id TEXT NOT NULL,"
    "  folded TEXT NOT NULL, direction TEXT NOT NULL, author TEXT NOT NULL, reader TEXT NOT NULL,"
    "  service TEXT, account TEXT, version TEXT NOT NULL, twin TEXT, not_before INTEGER NOT NULL,"
    "  sent_at INTEGER NOT NULL, delivered_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,"
    "  received_at INTEGER NOT NULL, cancelled_at INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX xta_message_owner ON xta_message (message_id);"
    "CREATE UNIQUE INDEX xta_message_id ON xta_message (folded, direction);"
    "CREATE INDEX xta_message_box ON xta_message (reader, delivered_at, seq)"
    "  WHERE direction = 'inbox';"
    "CREATE INDEX xta_message_waiting ON xta_message (reader, delivered_at, seq)"
    "  WHERE direction = 'inbox' AND received_at = 0;"
    "CREATE TABLE xta_related ("
    "  related TEXT NOT NULL, message_id TEXT NOT NULL, PRIMARY KEY (related, message_id))"
    "  WITHOUT ROWID;"
    "CREATE TABLE xta_iteration ("
    "  request_id TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, party TEXT NOT NULL,"
    "  messages INTEGER NOT NULL, selection TEXT NOT NULL, delivered_at INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;",
    /* 6 -> 7: the reply to a message */
    "CREATE INDEX message_correlation ON message (correlation) WHERE correlation IS NOT NULL;",
    /* 7 -> 8: the history: events as links of a chain, which gw_chain_build() makes of those that
       there are; counts that need no counting */
    "ALTER TABLE event ADD COLUMN link INTEGER;"
    "ALTER TABLE event ADD COLUMN chain BLOB;"
    "CREATE TABLE chain ("
    "  tenant TEXT NOT NULL PRIMARY KEY, link INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  value BLOB NOT NULL, cut_link INTEGER NOT NULL, cut_seq INTEGER NOT NULL,"
    "  cut_value BLOB NOT NULL, cut_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tally ("
    "  tenant TEXT NOT NULL, endpoint TEXT NOT NULL, box TEXT NOT NULL, state TEXT NOT NULL,"
    "  n INTEGER NOT NULL, PRIMARY KEY (tenant, endpoint, box, state)) WITHOUT ROWID;"
    "INSERT INTO tally SELECT tenant, endpoint, box, state, count(*) FROM message"
    "  GROUP BY tenant, endpoint, box, state;"
    "CREATE TRIGGER message_came AFTER INSERT ON message BEGIN"
    "  INSERT INTO tally VALUES (new.tenant, new.endpoint, new.box, new.state, 1)"
    "    ON CONFLICT (tenant, endpoint, box, state) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER message_went AFTER DELETE ON message BEGIN"
    "  UPDATE tally SET n = n - 1 WHERE tenant = old.tenant AND endpoint = old.endpoint AND"
    "    box = old.box AND state = old.state; END;"
    "CREATE TRIGGER message_moved AFTER UPDATE OF tenant, endpoint, box, state ON message"
    "  WHEN old.state <> new.state OR old.endpoint <> new.endpoint OR"
    "    old.tenant <> new.tenant OR old.box <> new.box BEGIN"
    "  UPDATE tally SET n = n - 1 WHERE tenant = old.tenant AND endpoint = old.endpoint AND"
    "    box = old.box AND state = old.state;"
    "  INSERT INTO tally VALUES (new.tenant, new.endpoint, new.box, new.state, 1)"
    "    ON CONFLICT (tenant, endpoint, box, state) DO UPDATE SET n = n + 1; END;",
    /* 8 -> 9: when a message was handed over once more; what a client's key stands for */
    "ALTER TABLE message ADD COLUMN repeated_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN client_digest TEXT;",
    /* 9 -> 10: what was known of a message when it was decided where it goes, and by which row */
    "ALTER TABLE message ADD COLUMN facts TEXT;"
    "ALTER TABLE message ADD COLUMN route TEXT;",
    /* 10 -> 11: due work by destination and endpoint, so that what waits for one costs others
       nothing; messages that keep their order */
    "DROP INDEX message_due;"
    "CREATE INDEX message_due_out ON message (peer, priority DESC, next_attempt_at)"
    "  WHERE box = 'outbox' AND state IN ('accepted', 'sealed', 'deferred', 'unclear');"
    "CREATE INDEX message_due_in ON message (endpoint, priority DESC, next_attempt_at)"
    "  WHERE box = 'inbox' AND state IN ('received', 'opened', 'deferred');"
    "ALTER TABLE message ADD COLUMN queue TEXT;"
    "ALTER TABLE message ADD COLUMN queue_seq INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX message_queue ON message (queue, queue_seq)"
    "  WHERE queue IS NOT NULL AND state IN ('accepted', 'sealed', 'deferred', 'unclear');",
    /* 11 -> 12: lists of one endpoint, and deliveries that wait, quick among a million */
    "CREATE INDEX message_endpoint ON message (endpoint, box, state, id);"
    "CREATE INDEX delivery_live ON delivery (id)"
    "  WHERE reception = 0 AND content = 1 AND damaged = 0;",
    /* 12 -> 13: retention: when a message's payload was deleted */
    "ALTER TABLE message ADD COLUMN payload_gone_at INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX message_shed ON message (endpoint, changed_at) WHERE payload_gone_at = 0 AND"
    "  state IN ('delivered', 'acknowledged', 'failed', 'cancelled', 'expired', 'rejected');"
    "CREATE INDEX message_shed_done ON message (changed_at) WHERE payload_gone_at > 0;",
    /* 13 -> 14: what waits for each destination, counted, and since when */
    "DROP TRIGGER message_came;"
    "DROP TRIGGER message_went;"
    "DROP TRIGGER message_moved;"
    "DROP TABLE tally;"
    "CREATE TABLE tally ("
    "  tenant TEXT NOT NULL, endpoint TEXT NOT NULL, box TEXT NOT NULL, state TEXT NOT NULL,"
    "  peer TEXT NOT NULL, n INTEGER NOT NULL,"
    "  PRIMARY KEY (tenant, endpoint, box, state, peer)) WITHOUT ROWID;"
    "INSERT INTO tally SELECT tenant, endpoint, box, state, peer, count(*) FROM message"
    "  GROUP BY tenant, endpoint, box, state, peer;"
    "CREATE TRIGGER message_came AFTER INSERT ON message BEGIN"
    "  INSERT INTO tally VALUES (new.tenant, new.endpoint, new.box, new.state, new.peer, 1)"
    "    ON CONFLICT (tenant, endpoint, box, state, peer) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER message_went AFTER DELETE ON message BEGIN"
    "  UPDATE tally SET n = n - 1 WHERE tenant = old.tenant AND endpoint = old.endpoint AND"
    "    box = old.box AND state = old.state AND peer = old.peer; END;"
    "CREATE TRIGGER message_moved AFTER UPDATE OF tenant, endpoint, box, state, peer ON message"
    "  WHEN old.state <> new.state OR old.endpoint <> new.endpoint OR"
    "    old.tenant <> new.tenant OR old.box <> new.box OR old.peer <> new.peer BEGIN"
    "  UPDATE tally SET n = n - 1 WHERE tenant = old.tenant AND endpoint = old.endpoint AND"
    "    box = old.box AND state = old.state AND peer = old.peer;"
    "  INSERT INTO tally VALUES (new.tenant, new.endpoint, new.box, new.state, new.peer, 1)"
    "    ON CONFLICT (tenant, endpoint, box, state, peer) DO UPDATE SET n = n + 1; END;"
    "CREATE INDEX message_waiting ON message (peer, state, created_at)"
    "  WHERE box = 'outbox' AND state IN ('accepted', 'sealed', 'deferred', 'unclear');",
    /* 14 -> 15: retention by route */
    "DROP INDEX message_shed;"
    "CREATE INDEX message_shed ON message"
    "  (coalesce(endpoint, ''), coalesce(route, ''), changed_at) WHERE payload_gone_at = 0 AND"
    "  state IN ('delivered', 'acknowledged', 'failed', 'cancelled', 'expired', 'rejected');",
    /* 15 -> 16: what people did, among all that happened by itself */
    "CREATE INDEX event_audited ON event (seq) WHERE " GW_AUDITED_EVENTS ";",
    /* 16 -> 17: lists by partner, message type and peer. There are no statistics, so an index on
       the columns themselves takes other queries away from theirs, as message_waiting and
       message_endpoint did with due work; one on an expression serves only who writes the same. */
    "DROP INDEX message_waiting;"
    "CREATE INDEX message_waiting ON message (coalesce(peer, ''), state, created_at)"
    "  WHERE box = 'outbox' AND state IN ('accepted', 'sealed', 'deferred', 'unclear');"
    "DROP INDEX message_endpoint;"
    "CREATE INDEX message_endpoint ON message"
    "  (coalesce(endpoint, ''), coalesce(box, ''), coalesce(state, ''), id);"
    "CREATE INDEX message_by_recipient ON message (coalesce(recipient, ''), id)"
    "  WHERE recipient IS NOT NULL;"
    "CREATE INDEX message_by_sender ON message (coalesce(sender, ''), id)"
    "  WHERE sender IS NOT NULL;"
    "CREATE INDEX message_by_type ON message (coalesce(message_type, ''), id)"
    "  WHERE message_type IS NOT NULL;"
    "CREATE INDEX message_by_peer ON message (coalesce(peer, ''), id);",
};

/* Steps that need more than SQL. */
static enum status step_more(struct sql_db *db, int64_t version, struct error *err)
{
    enum { CHAINED = 7 };

    return version == CHAINED ? gw_chain_build(db, err) : ST_OK;
}

static enum status step_up(struct sql_db *db, int64_t version, struct error *err)
{
    TRY(sql_script(db, steps[version], err));
    TRY(step_more(db, version, err));
    return sql_version_set(db, version + 1, err);
}

int64_t gw_schema_version(void)
{
    return (int64_t)ARRAY_LEN(steps);
}

enum status gw_schema_update(struct sql_db *db, struct error *err)
{
    int64_t version;
    enum status st;

    TRY(sql_version(db, &version, err));
    if (version < 0 || version > (int64_t)ARRAY_LEN(steps))
        return gw_reason_because(
            error_set(err, ST_INTERNAL, 0,
                      "the index has version %d, this program knows up to %d: use the newer "
                      "program that wrote it",
                      (int)version, (int)ARRAY_LEN(steps)),
            GW_R_STORE_NEWER, err);
    for (; version < (int64_t)ARRAY_LEN(steps); version++) {
        TRY(sql_script(db, "BEGIN IMMEDIATE", err));
        st = step_up(db, version, err);
        if (st == ST_OK)
            st = sql_script(db, "COMMIT", err);
        if (st != ST_OK) {
            sql_rollback(db);
            return error_context(err, "bringing the index to version %d", (int)version + 1);
        }
    }
    return ST_OK;
}
