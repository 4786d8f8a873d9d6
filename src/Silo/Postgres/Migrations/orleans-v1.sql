-- What the ADO.NET providers of Orleans 10 (clustering, reminders) ask of a PostgreSQL database, format 1.
-- They find their statements in orleansquery by key and fill in named parameters; the names of keys, parameters and result columns are theirs,
-- tables and statements are ours. Every statement is a single one, so that each is atomic by itself and costs one round trip.

CREATE TABLE orleans_schema (
    id     smallint PRIMARY KEY CHECK (id = 1),
    format integer NOT NULL
);

CREATE TABLE orleansquery (
    querykey  varchar(64) PRIMARY KEY,
    querytext text NOT NULL
);

-- One row a cluster. Whoever changes a row of orleans_membership must first advance this version from the one that it read: PostgreSQL lets one of several
-- through, and the others, which waited for the row, find another version.
CREATE TABLE orleans_membership_version (
    cluster_id varchar(150) PRIMARY KEY,
    version    integer NOT NULL DEFAULT 0
);

CREATE TABLE orleans_membership (
    cluster_id    varchar(150) NOT NULL REFERENCES orleans_membership_version ON DELETE CASCADE,
    address       varchar(45) NOT NULL,
    port          integer NOT NULL,
    generation    integer NOT NULL,
    silo_name     varchar(150) NOT NULL,
    host_name     varchar(255) NOT NULL,
    status        integer NOT NULL,
    proxy_port    integer NOT NULL,
    suspect_times varchar(8000),
    started_at    timestamptz NOT NULL,
    alive_at      timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, address, port, generation)
)
-- Room in each page for the heartbeats, which touch no index.
WITH (fillfactor = 50);

-- Versions of reminders are never used again, not even for a reminder of the same name made anew: a late unregistration cannot hit the wrong one.
CREATE SEQUENCE orleans_reminder_version AS integer CYCLE;

CREATE TABLE orleans_reminder (
    service_id    varchar(150) NOT NULL,
    grain_id      varchar(512) NOT NULL,
    reminder_name varchar(150) NOT NULL,
    grain_hash    integer NOT NULL,
    start_at      timestamptz NOT NULL,
    period_ms     bigint NOT NULL,
    version       integer NOT NULL DEFAULT nextval('orleans_reminder_version'),
    PRIMARY KEY (service_id, grain_id, reminder_name)
);

-- A silo reads the reminders of its range of hashes.
CREATE INDEX orleans_reminder_range ON orleans_reminder (service_id, grain_hash);

INSERT INTO orleansquery (querykey, querytext) VALUES

-- Membership

('InsertMembershipVersionKey', $query$
    WITH added AS (
        INSERT INTO orleans_membership_version (cluster_id) VALUES (@DeploymentId)
        ON CONFLICT DO NOTHING
        RETURNING cluster_id)
    SELECT EXISTS (SELECT FROM added)
$query$),

('InsertMembershipKey', $query$
    WITH advanced AS (
        UPDATE orleans_membership_version AS v
           SET version = v.version + 1
         WHERE v.cluster_id = @DeploymentId AND v.version = @Version
           AND NOT EXISTS (
               SELECT FROM orleans_membership AS m
                WHERE m.cluster_id = @DeploymentId AND m.address = @Address AND m.port = @Port AND m.generation = @Generation)
        RETURNING v.cluster_id),
    added AS (
        INSERT INTO orleans_membership (cluster_id, address, port, generation, silo_name, host_name, status, proxy_port, started_at, alive_at)
        SELECT a.cluster_id, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime
          FROM advanced AS a
        RETURNING cluster_id)
    SELECT EXISTS (SELECT FROM added)
$query$),

('UpdateMembershipKey', $query$
    WITH advanced AS (
        UPDATE orleans_membership_version AS v
           SET version = v.version + 1
         WHERE v.cluster_id = @DeploymentId AND v.version = @Version
           AND EXISTS (
               SELECT FROM orleans_membership AS m
                WHERE m.cluster_id = @DeploymentId AND m.address = @Address AND m.port = @Port AND m.generation = @Generation)
        RETURNING v.cluster_id),
    changed AS (
        UPDATE orleans_membership AS m
           SET status = @Status, suspect_times = @SuspectTimes, alive_at = @IAmAliveTime
          FROM advanced AS a
         WHERE m.cluster_id = a.cluster_id AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
        RETURNING m.cluster_id)
    SELECT EXISTS (SELECT FROM changed)
$query$),

-- A heartbeat says nothing about the cluster's shape, so it leaves the version alone.
('UpdateIAmAlivetimeKey', $query$
    UPDATE orleans_membership
       SET alive_at = @IAmAliveTime
     WHERE cluster_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
$query$),

('MembershipReadAllKey', $query$
    SELECT v.version AS Version, m.address AS Address, m.port AS Port, m.generation AS Generation, m.silo_name AS SiloName, m.host_name AS HostName,
           m.status AS Status, m.proxy_port AS ProxyPort, m.suspect_times AS SuspectTimes, m.started_at AS StartTime, m.alive_at AS IAmAliveTime
      FROM orleans_membership_version AS v
      LEFT JOIN orleans_membership AS m ON m.cluster_id = v.cluster_id
     WHERE v.cluster_id = @DeploymentId
$query$),

('MembershipReadRowKey', $query$
    SELECT v.version AS Version, m.address AS Address, m.port AS Port, m.generation AS Generation, m.silo_name AS SiloName, m.host_name AS HostName,
           m.status AS Status, m.proxy_port AS ProxyPort, m.suspect_times AS SuspectTimes, m.started_at AS StartTime, m.alive_at AS IAmAliveTime
      FROM orleans_membership_version AS v
      LEFT JOIN orleans_membership AS m
        ON m.cluster_id = v.cluster_id AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
     WHERE v.cluster_id = @DeploymentId
$query$),

('GatewaysQueryKey', $query$
    SELECT address AS Address, proxy_port AS ProxyPort, generation AS Generation
      FROM orleans_membership
     WHERE cluster_id = @DeploymentId AND status = @Status AND proxy_port > 0
$query$),

('DeleteMembershipTableEntriesKey', $query$
    DELETE FROM orleans_membership_version WHERE cluster_id = @DeploymentId
$query$),

-- 6 is Dead: nobody else is removed, however long it was silent. Rows that another silo has in hand are left to it.
('CleanupDefunctSiloEntriesKey', $query$
    DELETE FROM orleans_membership
     WHERE ctid IN (
        SELECT ctid FROM orleans_membership
         WHERE cluster_id = @DeploymentId AND status = 6 AND alive_at < @IAmAliveTime
           FOR UPDATE SKIP LOCKED)
$query$),

-- Reminders

('UpsertReminderRowKey', $query$
    INSERT INTO orleans_reminder (service_id, grain_id, reminder_name, grain_hash, start_at, period_ms)
    VALUES (@ServiceId, @GrainId, @ReminderName, @GrainHash, @StartTime, @Period)
    ON CONFLICT (service_id, grain_id, reminder_name) DO UPDATE
       SET grain_hash = excluded.grain_hash, start_at = excluded.start_at, period_ms = excluded.period_ms, version = excluded.version
    RETURNING version AS Version
$query$),

('ReadReminderRowKey', $query$
    SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_at AS StartTime, period_ms AS Period, version AS Version
      FROM orleans_reminder
     WHERE service_id = @ServiceId AND grain_id = @GrainId AND reminder_name = @ReminderName
$query$),

('ReadReminderRowsKey', $query$
    SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_at AS StartTime, period_ms AS Period, version AS Version
      FROM orleans_reminder
     WHERE service_id = @ServiceId AND grain_id = @GrainId
$query$),

-- Ranges exclude their beginning and include their end. Hashes are signed here; the provider picks the second statement for a range that passes the largest.
('ReadRangeRows1Key', $query$
    SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_at AS StartTime, period_ms AS Period, version AS Version
      FROM orleans_reminder
     WHERE service_id = @ServiceId AND grain_hash > @BeginHash AND grain_hash <= @EndHash
$query$),

('ReadRangeRows2Key', $query$
    SELECT grain_id AS GrainId, reminder_name AS ReminderName, start_at AS StartTime, period_ms AS Period, version AS Version
      FROM orleans_reminder
     WHERE service_id = @ServiceId AND (grain_hash > @BeginHash OR grain_hash <= @EndHash)
$query$),

('DeleteReminderRowKey', $query$
    WITH removed AS (
        DELETE FROM orleans_reminder
         WHERE service_id = @ServiceId AND grain_id = @GrainId AND reminder_name = @ReminderName AND version = @Version
        RETURNING version)
    SELECT EXISTS (SELECT FROM removed)
$query$),

('DeleteReminderRowsKey', $query$
    DELETE FROM orleans_reminder WHERE service_id = @ServiceId
$query$);
