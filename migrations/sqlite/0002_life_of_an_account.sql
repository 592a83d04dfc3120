-- What an account has after its first week: sessions with a face, tokens that letters carry, second factors, and a record of it all.

ALTER TABLE sessions ADD COLUMN ip TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'pwd';   -- how its owner logged in: names of RFC 8176, space-delimited

-- Since when a passkey is asked for besides the password.
ALTER TABLE users ADD COLUMN passkey_required_at INTEGER;

-- Ends of sessions whose rows went with their account, for the other nodes to hear of.
CREATE TABLE ended_sessions (
    id       TEXT    NOT NULL PRIMARY KEY,
    ended_at INTEGER NOT NULL
) STRICT;

CREATE INDEX ended_sessions_ended ON ended_sessions (ended_at);

-- What letters carry to prove that they were read: one for each purpose, so a newer one takes the place of an older.
CREATE TABLE one_time_tokens (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL,                     -- verify_email, change_email, reset_password
    token_hash TEXT    NOT NULL UNIQUE,
    email      TEXT    NOT NULL,                     -- the address it was sent to
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, purpose)
) STRICT;

CREATE INDEX one_time_tokens_expiring ON one_time_tokens (expires_at);

-- Letters that wait to be sent. Not their text: that is written when they are, so no token is kept in clear.
CREATE TABLE letters (
    id          TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    user_id     TEXT    REFERENCES users (id) ON DELETE CASCADE,   -- NULL: whoever has the address when it is written
    email       TEXT    NOT NULL,                    -- to whom
    details     TEXT    NOT NULL,                    -- JSON
    created_at  INTEGER NOT NULL,
    prepared_at INTEGER,                             -- when its token was put into one_time_tokens
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL
) STRICT;

CREATE INDEX letters_due ON letters (next_try_at);
CREATE INDEX letters_of_user ON letters (user_id);

CREATE TABLE totp (
    user_id       TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_secret TEXT    NOT NULL,                  -- encrypted with the key of the key folder
    created_at    INTEGER NOT NULL,
    confirmed_at  INTEGER,                           -- asked for at login from then on
    last_step     INTEGER NOT NULL DEFAULT 0         -- of the code used last: no code counts twice
) STRICT;

CREATE TABLE recovery_codes (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, code_hash)
) STRICT;

CREATE TABLE passkeys (
    id            TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id TEXT    NOT NULL UNIQUE,           -- base64url
    name          TEXT    NOT NULL,
    credential    TEXT    NOT NULL,                  -- JSON: its public key and counter
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;

CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- Challenges of WebAuthn that wait for their answer, each good for one.
CREATE TABLE passkey_challenges (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    REFERENCES users (id) ON DELETE CASCADE,   -- NULL: whoever's passkey answers
    purpose    TEXT    NOT NULL,                     -- register, login, second_factor
    state      TEXT    NOT NULL,                     -- JSON
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX passkey_challenges_expiring ON passkey_challenges (expires_at);

-- Every act that matters for security. Rows are added and, when they are old, deleted; never changed.
CREATE TABLE audit (
    id         TEXT    NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    act        TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,                     -- success, failure
    reason     TEXT,                                 -- of a failure
    actor      TEXT    NOT NULL,                     -- user; operator; admin and the id of one
    user_id    TEXT,                                 -- no reference: it outlives the account
    session_id TEXT,
    ip         TEXT,
    user_agent TEXT
) STRICT;

CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of_user ON audit (user_id, at);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'rows of audit are not changed');
END;
