-- What administrators look for, and what the record says of it.

-- The name as it is searched for: see src/accounts/name.rs. NULL where it was not made yet, which the server does in the background.
ALTER TABLE users ADD COLUMN name_key TEXT;

CREATE INDEX users_by_name_key ON users (name_key, id);
CREATE INDEX users_without_name_key ON users (id) WHERE name IS NOT NULL AND name_key IS NULL;

-- Few accounts have roles; the administrators are among them.
CREATE INDEX users_with_roles ON users (id) WHERE roles <> '';

-- What an act was in particular, such as which role was given: JSON, an object of texts and lists of texts.
ALTER TABLE audit ADD COLUMN details TEXT;
