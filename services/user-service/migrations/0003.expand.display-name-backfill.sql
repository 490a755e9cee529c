-- no transaction
-- Each statement on its own, so that no lock is held while the rows that were there are filled and checked.
UPDATE users.users SET display_name = name WHERE display_name IS NULL;

ALTER TABLE users.users DROP CONSTRAINT IF EXISTS users_display_name;

-- First for new rows only, which is quick; then, by reading, for all.
ALTER TABLE users.users ADD CONSTRAINT users_display_name CHECK (display_name IS NOT NULL) NOT VALID;

ALTER TABLE users.users VALIDATE CONSTRAINT users_display_name;
