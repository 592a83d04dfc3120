-- Times are microseconds since 1970 (UTC), identifiers are UUIDs as text.

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL UNIQUE,           -- normalised: see src/accounts/email.rs
    name          TEXT,
    password_hash TEXT    NOT NULL,                  -- a PHC string
    roles         TEXT    NOT NULL DEFAULT '',       -- space-delimited
    created_at    BIGINT NOT NULL,
    email_verified_at BIGINT,
    disabled_at   BIGINT
);

CREATE TABLE sessions (
    id              TEXT    NOT NULL PRIMARY KEY,
    user_id         TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,                -- the end that no use puts off
    ended_at        BIGINT,
    family_hash     TEXT    NOT NULL UNIQUE,         -- what all refresh tokens of the session share, hashed
    refresh_hash    TEXT    NOT NULL,                -- of the refresh token that is good now
    previous_hash   TEXT,                            -- of the one spent last
    previous_salt   TEXT,                            -- with which its successor was derived
    successor_salt  TEXT    NOT NULL,                -- with which the next one will be
    rotated_at      BIGINT
);

CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expiring ON sessions (expires_at);
