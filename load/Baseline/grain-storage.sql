-- What Orleans' ADO.NET grain storage asks of a PostgreSQL database. The names of keys, parameters and result columns are the provider's; tables and statements are ours,
-- written to be as quick as they can be: one statement and one index a call, room in each page so that an update stays in it.

CREATE TABLE orleansquery (
    querykey  varchar(64) PRIMARY KEY,
    querytext text NOT NULL
);

CREATE TABLE orleansstorage (
    id_hash    integer NOT NULL,
    type_hash  integer NOT NULL,
    n0         bigint NOT NULL,
    n1         bigint NOT NULL,
    grain_type varchar(512) NOT NULL,
    grain_key  varchar(512) NOT NULL,
    service_id varchar(150) NOT NULL,
    version    integer NOT NULL,
    payload    bytea,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id_hash, type_hash, n0, n1, grain_type, grain_key, service_id)
) WITH (fillfactor = 60);

INSERT INTO orleansquery (querykey, querytext) VALUES

('ReadFromStorageKey', $query$
    SELECT payload AS PayloadBinary, version AS Version
      FROM orleansstorage
     WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
       AND grain_type = @GrainTypeString AND grain_key = coalesce(@GrainIdExtensionString, '') AND service_id = @ServiceId
$query$),

-- Without a version the state is new and must not be there; with one it must be there in that version. No row comes back when somebody else was first.
('WriteToStorageKey', $query$
    WITH changed AS (
        UPDATE orleansstorage
           SET payload = @PayloadBinary, version = version + 1, changed_at = now()
         WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
           AND grain_type = @GrainTypeString AND grain_key = coalesce(@GrainIdExtensionString, '') AND service_id = @ServiceId
           AND version = @GrainStateVersion
        RETURNING version),
    added AS (
        INSERT INTO orleansstorage (id_hash, type_hash, n0, n1, grain_type, grain_key, service_id, version, payload)
        SELECT @GrainIdHash, @GrainTypeHash, @GrainIdN0, @GrainIdN1, @GrainTypeString, coalesce(@GrainIdExtensionString, ''), @ServiceId, 1, @PayloadBinary
         WHERE @GrainStateVersion IS NULL
        ON CONFLICT DO NOTHING
        RETURNING version)
    SELECT version AS NewGrainStateVersion FROM changed
    UNION ALL
    SELECT version FROM added
$query$),

('ClearStorageKey', $query$
    UPDATE orleansstorage
       SET payload = NULL, version = version + 1, changed_at = now()
     WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
       AND grain_type = @GrainTypeString AND grain_key = coalesce(@GrainIdExtensionString, '') AND service_id = @ServiceId
       AND version = @GrainStateVersion
    RETURNING version AS NewGrainStateVersion
$query$),

('DeleteStorageKey', $query$
    DELETE FROM orleansstorage
     WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
       AND grain_type = @GrainTypeString AND grain_key = coalesce(@GrainIdExtensionString, '') AND service_id = @ServiceId
       AND version = @GrainStateVersion
    RETURNING version + 1 AS NewGrainStateVersion
$query$);
