-- Programs that get tokens of their own: OAuth clients.

CREATE TABLE oauth_clients (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    grants      TEXT    NOT NULL,                    -- space-delimited; none: it may introspect and revoke only
    scopes      TEXT    NOT NULL,                    -- space-delimited
    auth_method TEXT,                                -- NULL: client_secret_basic and client_secret_post
    jwks        TEXT,                                -- JSON, of private_key_jwt
    access_ttl  INTEGER,                             -- seconds; NULL: the server's
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

-- Their hashes. Two are good at most, while one takes the place of the other.
CREATE TABLE oauth_client_secrets (
    client_id   TEXT    NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    secret_hash TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    PRIMARY KEY (client_id, secret_hash)
) STRICT;

-- One row that every change of a client touches: who keeps them in memory looks only here whether to read them again.
CREATE TABLE oauth_clients_version (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;

INSERT INTO oauth_clients_version (id, version) VALUES (1, 0);

-- Access tokens of clients that were revoked before their end.
CREATE TABLE oauth_revoked_tokens (
    token_id   TEXT    NOT NULL PRIMARY KEY,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX oauth_revoked_tokens_revoked ON oauth_revoked_tokens (revoked_at);
CREATE INDEX oauth_revoked_tokens_expiring ON oauth_revoked_tokens (expires_at);

-- Assertions of private_key_jwt that were used: each is good once.
CREATE TABLE oauth_used_assertions (
    id_hash    TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX oauth_used_assertions_expiring ON oauth_used_assertions (expires_at);

-- On which client something was done; no reference, for it outlives the client.
ALTER TABLE audit ADD COLUMN client_id TEXT;
