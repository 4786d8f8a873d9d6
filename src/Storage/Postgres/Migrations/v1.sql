-- Format 1 of the PostgreSQL journal. $schema$ stands for the quoted name of the schema.
-- A chain link and a request key are 128 bits; uuid is PostgreSQL's type of that size, without a length and quick to compare.
-- A hash is ActorId.StableHash with its highest bit turned over: signed numbers in the order of the unsigned ones.

-- One row: whoever appends locks it first. So commits of all processes are serial, positions have no gaps and are in commit order, sums are exact,
-- and nobody can wait for another in a circle.
CREATE TABLE $schema$.books (
    id            smallint    PRIMARY KEY CHECK (id = 1),
    format        int         NOT NULL,
    key_seed      bigint      NOT NULL,
    created       timestamptz NOT NULL DEFAULT now(),
    revision      bigint      NOT NULL DEFAULT 0,  -- grows with every change of this row: which of two answers is the newer one
    newest        bigint      NOT NULL DEFAULT 0,  -- position of the newest record; there are as many records
    events        bigint      NOT NULL DEFAULT 0,
    bytes         bigint      NOT NULL DEFAULT 0,  -- of all records' events
    unsaved       bigint      NOT NULL DEFAULT 0,  -- heads with unsaved_from <> 0
    tail_position bigint      NOT NULL DEFAULT 0,
    tail_bytes    bigint      NOT NULL DEFAULT 0   -- of the records up to tail_position, about
) WITH (fillfactor = 10);

-- Numeric, because a sum that runs over must not make every later commit fail.
CREATE TABLE $schema$.measure (
    name text COLLATE "C" PRIMARY KEY,
    sum  numeric NOT NULL
) WITH (fillfactor = 30);

-- Each process that appends, and the number of its last group: a process that lost the connection during a commit finds here whether it happened.
CREATE TABLE $schema$.writer (
    id   uuid        PRIMARY KEY,
    seq  bigint      NOT NULL,
    base bigint      NOT NULL,  -- position before the group; -1: the group was given up and must not be written any more
    seen timestamptz NOT NULL
) WITH (fillfactor = 30);

-- Where each actor stands. Rows are small, and most updates change no indexed column: they stay in their page and touch no index (HOT).
CREATE TABLE $schema$.head (
    hash         bigint NOT NULL,
    version      bigint NOT NULL,
    position     bigint NOT NULL,  -- of its newest record
    before       bigint NOT NULL,  -- position before the newest group: what that group's first record names as its previous one
    wake_at      bigint NOT NULL,  -- Unix milliseconds; 0: never
    unsaved_from bigint NOT NULL,  -- position of the first record that no snapshot covers; 0: all are covered
    chain        uuid   NOT NULL,
    actor        text   COLLATE "C" NOT NULL,  -- kind/key
    PRIMARY KEY (hash, actor)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.2);
CREATE INDEX head_due ON $schema$.head (wake_at, hash) WHERE wake_at <> 0;
CREATE INDEX head_unsaved ON $schema$.head (hash) WHERE unsaved_from <> 0;

-- Every record names the actor's previous one: history and loading walk back by the primary key, and no second index is written at random places.
CREATE TABLE $schema$.record (
    position      bigint PRIMARY KEY,
    previous      bigint NOT NULL,  -- position of the actor's record before this one; 0: it is the first
    first_version bigint NOT NULL,
    recorded_at   bigint NOT NULL,  -- Unix milliseconds
    wake_at       bigint NOT NULL,
    checksum      bigint NOT NULL,  -- XxHash3 of actor, version, times, chain and events
    event_count   int    NOT NULL,
    chain         uuid   NOT NULL,
    actor         text   COLLATE "C" NOT NULL,
    events        bytea  NOT NULL
) WITH (autovacuum_analyze_scale_factor = 0.2);
ALTER TABLE $schema$.record ALTER COLUMN events SET STORAGE EXTERNAL;

CREATE TABLE $schema$.request_key (
    key      uuid   PRIMARY KEY,
    position bigint NOT NULL  -- the newest record that carries the key
) WITH (autovacuum_analyze_scale_factor = 0.2);

CREATE TABLE $schema$.snapshot (
    hash     bigint NOT NULL,
    version  bigint NOT NULL,
    wake_at  bigint NOT NULL,
    checksum bigint NOT NULL,
    chain    uuid   NOT NULL,
    actor    text   COLLATE "C" NOT NULL,
    state    bytea  NOT NULL,
    PRIMARY KEY (hash, actor)
) WITH (fillfactor = 70);
ALTER TABLE $schema$.snapshot ALTER COLUMN state SET STORAGE EXTERNAL;

-- One group commit: everything or nothing. Heads are one for each actor of the group; records are in order; offsets count the group's records from 1.
-- Result: base is the position before the group. If an entry cannot be appended nothing is written and the refused ones are named: refused is an
-- offset, refused_version and refused_chain where its actor stands (version -1: a unique key is known).
CREATE FUNCTION $schema$.append(
    writer_id uuid, writer_seq bigint,
    head_hash bigint[], head_actor text[], head_expected bigint[], head_expected_chain uuid[], head_version bigint[], head_chain uuid[],
    head_wake bigint[], head_first int[], head_last int[], new_heads int,
    record_actor text[], record_link int[], record_version bigint[], record_events int[], record_at bigint[], record_wake bigint[],
    record_chain uuid[], record_checksum bigint[], record_start int[], record_length int[], payload bytea,
    unique_key uuid[], unique_record int[], latest_key uuid[], latest_record int[],
    measure_name text[], measure_delta bigint[], event_total bigint,
    OUT base bigint, OUT revision bigint, OUT events bigint, OUT bytes bigint, OUT unsaved bigint, OUT tail_position bigint, OUT tail_bytes bigint,
    OUT refused int[], OUT refused_version bigint[], OUT refused_chain uuid[])
LANGUAGE plpgsql
SET search_path = $schema$, pg_catalog
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    old_position bigint;
    last_seq bigint;
    found_heads int;
    unsaved_heads int;
    befores bigint[];
    total int := cardinality(record_link);
BEGIN
    SELECT b.newest INTO STRICT old_position FROM books b WHERE b.id = 1 FOR UPDATE;
    SELECT w.seq INTO last_seq FROM writer w WHERE w.id = writer_id;
    IF last_seq >= writer_seq THEN
        RAISE EXCEPTION 'group % of this writer was given up', writer_seq USING ERRCODE = 'LY001';
    END IF;

    BEGIN
        WITH moved AS (
            UPDATE head h
            SET version = u.version, chain = u.chain, before = h.position, position = old_position + u.last, wake_at = u.wake,
                unsaved_from = CASE WHEN h.unsaved_from = 0 THEN old_position + u.first ELSE h.unsaved_from END
            FROM unnest(head_hash, head_actor, head_expected, head_expected_chain, head_version, head_chain, head_wake, head_first, head_last)
                AS u(hash, actor, expected, expected_chain, version, chain, wake, first, last)
            WHERE u.expected > 0 AND h.hash = u.hash AND h.actor = u.actor AND h.version = u.expected AND h.chain = u.expected_chain
            RETURNING u.first, h.before, h.unsaved_from > old_position AS dirtied)
        SELECT count(*), count(*) FILTER (WHERE m.dirtied), array_agg(m.before ORDER BY m.first)
        INTO found_heads, unsaved_heads, befores FROM moved m;
        IF found_heads <> cardinality(head_hash) - new_heads THEN
            RAISE EXCEPTION 'stale' USING ERRCODE = 'LY002';
        END IF;

        IF new_heads > 0 THEN
            INSERT INTO head (hash, version, position, before, wake_at, unsaved_from, chain, actor)
            SELECT u.hash, u.version, old_position + u.last, 0, u.wake, old_position + u.first, u.chain, u.actor
            FROM unnest(head_hash, head_actor, head_expected, head_expected_chain, head_version, head_chain, head_wake, head_first, head_last)
                AS u(hash, actor, expected, expected_chain, version, chain, wake, first, last)
            WHERE u.expected = 0;
        END IF;

        INSERT INTO record (position, previous, first_version, recorded_at, wake_at, checksum, event_count, chain, actor, events)
        SELECT old_position + u.n, CASE WHEN u.link > 0 THEN old_position + u.link WHEN u.link < 0 THEN befores[-u.link] ELSE 0 END,
            u.version, u.at, u.wake, u.checksum, u.events, u.chain, u.actor, substring(payload FROM u.start FOR u.length)
        FROM unnest(record_actor, record_link, record_version, record_events, record_at, record_wake, record_chain, record_checksum, record_start, record_length)
            WITH ORDINALITY AS u(actor, link, version, events, at, wake, chain, checksum, start, length, n);

        INSERT INTO request_key (key, position)
        SELECT u.key, old_position + u.record FROM unnest(unique_key, unique_record) AS u(key, record);

        IF cardinality(latest_key) > 0 THEN
            INSERT INTO request_key AS k (key, position)
            SELECT u.key, old_position + u.record FROM unnest(latest_key, latest_record) AS u(key, record)
            ON CONFLICT (key) DO UPDATE SET position = excluded.position;
        END IF;
    EXCEPTION
        WHEN unique_violation OR SQLSTATE 'LY002' THEN
            SELECT array_agg(r.place), array_agg(r.version), array_agg(r.chain) INTO refused, refused_version, refused_chain
            FROM (
                SELECT u.first AS place, coalesce(h.version, 0) AS version, coalesce(h.chain, '00000000-0000-0000-0000-000000000000') AS chain
                FROM unnest(head_hash, head_actor, head_expected, head_expected_chain, head_first) AS u(hash, actor, expected, expected_chain, first)
                LEFT JOIN head h ON h.hash = u.hash AND h.actor = u.actor
                WHERE coalesce(h.version, 0) <> u.expected OR (u.expected > 0 AND h.chain <> u.expected_chain)
                UNION ALL
                SELECT DISTINCT u.record, -1::bigint, NULL::uuid
                FROM unnest(unique_key, unique_record) AS u(key, record) JOIN request_key k ON k.key = u.key) r;
            IF refused IS NULL THEN
                RAISE;
            END IF;

            RETURN;
    END;

    UPDATE measure m SET sum = m.sum + u.delta FROM unnest(measure_name, measure_delta) AS u(name, delta) WHERE m.name = u.name;
    GET DIAGNOSTICS found_heads = ROW_COUNT;
    IF found_heads <> cardinality(measure_name) THEN
        INSERT INTO measure (name, sum)
        SELECT u.name, u.delta FROM unnest(measure_name, measure_delta) AS u(name, delta)
        WHERE NOT EXISTS (SELECT 1 FROM measure m WHERE m.name = u.name);
    END IF;

    UPDATE writer w SET seq = writer_seq, base = old_position, seen = now() WHERE w.id = writer_id;
    IF NOT FOUND THEN
        INSERT INTO writer (id, seq, base, seen) VALUES (writer_id, writer_seq, old_position, now());
    END IF;

    UPDATE books b
    SET revision = b.revision + 1, newest = old_position + total, events = b.events + event_total, bytes = b.bytes + octet_length(payload),
        unsaved = b.unsaved + new_heads + unsaved_heads
    WHERE b.id = 1
    RETURNING old_position, b.revision, b.events, b.bytes, b.unsaved, b.tail_position, b.tail_bytes
    INTO base, revision, events, bytes, unsaved, tail_position, tail_bytes;
END $$;

-- Whether the writer's group is in the books: the position before it, or -1, and then it can never come any more.
CREATE FUNCTION $schema$.settle(writer_id uuid, writer_seq bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path = $schema$, pg_catalog
AS $$
DECLARE
    last_seq bigint;
    last_base bigint;
BEGIN
    PERFORM 1 FROM books b WHERE b.id = 1 FOR UPDATE;
    SELECT w.seq, w.base INTO last_seq, last_base FROM writer w WHERE w.id = writer_id;
    IF last_seq = writer_seq THEN
        RETURN last_base;
    END IF;

    INSERT INTO writer AS w (id, seq, base, seen) VALUES (writer_id, writer_seq, -1, now())
    ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, base = -1, seen = excluded.seen;
    RETURN -1;
END $$;

-- Position of the actor's first record behind a version, walking back from a record.
CREATE FUNCTION $schema$.first_after(newest bigint, version bigint) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = $schema$, pg_catalog
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
    WITH RECURSIVE walk AS (
        SELECT r.position, r.previous FROM record r WHERE r.position = newest AND r.first_version > version
        UNION ALL
        SELECT r.position, r.previous FROM walk w JOIN record r ON r.position = w.previous WHERE r.first_version > version)
    SELECT coalesce(min(walk.position), 0) FROM walk
$$;

-- Stores snapshots (one for an actor, sorted by hash and actor). The bulk is written before the books are locked. Needs no sync of its own: who loses
-- it has older snapshots, and the heads know.
CREATE FUNCTION $schema$.save_snapshots(
    given_hash bigint[], given_actor text[], given_version bigint[], given_chain uuid[], given_wake bigint[], given_checksum bigint[],
    given_start int[], given_length int[], payload bytea,
    OUT revision bigint, OUT newest bigint, OUT events bigint, OUT bytes bigint, OUT unsaved bigint, OUT tail_position bigint, OUT tail_bytes bigint)
LANGUAGE plpgsql
SET search_path = $schema$, pg_catalog
SET synchronous_commit = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    s_hash bigint[];
    s_actor text[];
    s_version bigint[];
    s_wake bigint[];
    s_first bigint[];
    cleaned int;
BEGIN
    WITH stored AS (
        INSERT INTO snapshot AS s (hash, version, wake_at, checksum, chain, actor, state)
        SELECT u.hash, u.version, u.wake, u.checksum, u.chain, u.actor, substring(payload FROM u.start FOR u.length)
        FROM unnest(given_hash, given_actor, given_version, given_chain, given_wake, given_checksum, given_start, given_length)
            AS u(hash, actor, version, chain, wake, checksum, start, length)
        JOIN head h ON h.hash = u.hash AND h.actor = u.actor
        WHERE u.version BETWEEN 1 AND h.version
        ON CONFLICT (hash, actor) DO UPDATE
        SET version = excluded.version, wake_at = excluded.wake_at, checksum = excluded.checksum, chain = excluded.chain, state = excluded.state
        WHERE excluded.version >= s.version
        RETURNING s.hash, s.actor, s.version, s.wake_at)
    SELECT array_agg(s.hash), array_agg(s.actor), array_agg(s.version), array_agg(s.wake_at),
        array_agg(CASE WHEN h.version > s.version AND h.unsaved_from <> 0 THEN first_after(h.position, s.version) ELSE 0 END)
    INTO s_hash, s_actor, s_version, s_wake, s_first
    FROM stored s JOIN head h ON h.hash = s.hash AND h.actor = s.actor;

    PERFORM 1 FROM books b WHERE b.id = 1 FOR UPDATE;
    UPDATE head h SET unsaved_from = 0, wake_at = u.wake
    FROM unnest(s_hash, s_actor, s_version, s_wake) AS u(hash, actor, version, wake)
    WHERE h.hash = u.hash AND h.actor = u.actor AND h.version = u.version AND h.unsaved_from <> 0;
    GET DIAGNOSTICS cleaned = ROW_COUNT;
    UPDATE head h SET wake_at = u.wake
    FROM unnest(s_hash, s_actor, s_version, s_wake) AS u(hash, actor, version, wake)
    WHERE h.hash = u.hash AND h.actor = u.actor AND h.version = u.version AND h.wake_at <> u.wake;
    UPDATE head h SET unsaved_from = greatest(h.unsaved_from, CASE WHEN u.first > 0 THEN u.first ELSE first_after(h.position, u.version) END)
    FROM unnest(s_hash, s_actor, s_version, s_first) AS u(hash, actor, version, first)
    WHERE h.hash = u.hash AND h.actor = u.actor AND h.version > u.version AND h.unsaved_from <> 0;
    UPDATE books b SET revision = b.revision + 1, unsaved = b.unsaved - cleaned
    WHERE b.id = 1
    RETURNING b.revision, b.newest, b.events, b.bytes, b.unsaved, b.tail_position, b.tail_bytes
    INTO revision, newest, events, bytes, unsaved, tail_position, tail_bytes;
END $$;

-- Moves the start of the tail, if no record up to there is unsaved. That stays true once it is (records only come behind), so nothing is locked for asking.
-- The bytes before the new start are taken as even over the records of the tail: they only say when the next checkpoint is worth its while.
CREATE FUNCTION $schema$.complete_checkpoint(up_to bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = $schema$, pg_catalog
SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM head h WHERE h.unsaved_from <> 0 AND h.unsaved_from <= up_to) THEN
        RETURN false;
    END IF;

    UPDATE books b
    SET revision = b.revision + 1,
        tail_bytes = CASE WHEN up_to <= b.tail_position THEN b.tail_bytes
            ELSE b.tail_bytes + ((b.bytes - b.tail_bytes)::numeric * (up_to - b.tail_position) / (b.newest - b.tail_position))::bigint END,
        tail_position = greatest(b.tail_position, up_to)
    WHERE b.id = 1 AND up_to <= b.newest;
    RETURN FOUND;
END $$;
