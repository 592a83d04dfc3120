-- People who sign in at the server's own pages, and clients that act for them.

ALTER TABLE oauth_clients ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '';             -- space-delimited
ALTER TABLE oauth_clients ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT ''; -- space-delimited
ALTER TABLE oauth_clients ADD COLUMN audience TEXT;                                      -- NULL: the server's
ALTER TABLE oauth_clients ADD COLUMN refresh_ttl BIGINT;                                -- seconds; NULL: the server's
ALTER TABLE oauth_clients ADD COLUMN trusted_at BIGINT;                                 -- since when nobody is asked for consent

-- What a session is: "login" of /api/login, "browser" of the pages, "client" of a client that acts for its user.
ALTER TABLE sessions ADD COLUMN kind TEXT NOT NULL DEFAULT 'login';
ALTER TABLE sessions ADD COLUMN client_id TEXT REFERENCES oauth_clients (id) ON DELETE CASCADE;
ALTER TABLE sessions ADD COLUMN scopes TEXT;                                             -- that its user granted to the client
ALTER TABLE sessions ADD COLUMN browser_session_id TEXT;                                 -- in which he did, when it ends with that one
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT;                                -- when he did not log in at its beginning

CREATE INDEX sessions_of_client ON sessions (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX sessions_of_browser ON sessions (browser_session_id) WHERE browser_session_id IS NOT NULL;

-- Authorization codes, each good once.
CREATE TABLE oauth_codes (
    code_hash          TEXT    NOT NULL PRIMARY KEY,
    client_id          TEXT    NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    user_id            TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    browser_session_id TEXT    NOT NULL,
    redirect_uri       TEXT    NOT NULL,
    scopes             TEXT    NOT NULL,
    nonce              TEXT,
    code_challenge     TEXT    NOT NULL,             -- of S256
    expires_at         BIGINT NOT NULL,
    used_at            BIGINT,
    session_id         TEXT                          -- what it gave; ended when the code comes a second time
);

CREATE INDEX oauth_codes_expiring ON oauth_codes (expires_at);

-- What users have allowed clients.
CREATE TABLE oauth_consents (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT    NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    scopes     TEXT    NOT NULL,                     -- space-delimited
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE INDEX oauth_consents_of_client ON oauth_consents (client_id);

-- Devices that wait for their user to decide (RFC 8628).
CREATE TABLE oauth_device_codes (
    device_code_hash   TEXT    NOT NULL PRIMARY KEY,
    user_code_hash     TEXT    NOT NULL UNIQUE,      -- keyed, for the code is short
    client_id          TEXT    NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    scopes             TEXT    NOT NULL,
    expires_at         BIGINT NOT NULL,
    poll_interval      BIGINT NOT NULL,             -- seconds
    polled_at          BIGINT,
    decision           TEXT,                         -- allowed, denied
    user_id            TEXT    REFERENCES users (id) ON DELETE CASCADE,
    browser_session_id TEXT
);

CREATE INDEX oauth_device_codes_expiring ON oauth_device_codes (expires_at);
