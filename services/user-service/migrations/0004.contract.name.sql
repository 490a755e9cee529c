-- Release 1.0 runs nowhere any more.
DROP TRIGGER copy_name ON users.users;
DROP FUNCTION users.copy_name();
ALTER TABLE users.users DROP COLUMN name;
