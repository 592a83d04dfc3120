-- The record is looked into by act and by actor too, the newest first: among millions of events each page took a second.
CREATE INDEX audit_of_act ON audit (act, at, id);
CREATE INDEX audit_of_actor ON audit (actor, at, id);
