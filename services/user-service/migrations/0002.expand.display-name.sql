-- `name` becomes `display_name`. Release 1.0 reads and writes only `name`, release 1.1 only `display_name`;
-- while both run, a trigger copies what either writes to the other column.
ALTER TABLE users.users ADD COLUMN display_name text;
ALTER TABLE users.users ALTER COLUMN name DROP NOT NULL;

CREATE FUNCTION users.copy_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.display_name := coalesce(NEW.display_name, NEW.name);
    NEW.name := coalesce(NEW.name, NEW.display_name);
  ELSIF NEW.display_name IS DISTINCT FROM OLD.display_name THEN
    NEW.name := NEW.display_name;
  ELSIF NEW.name IS DISTINCT FROM OLD.name THEN
    NEW.display_name := NEW.name;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER copy_name BEFORE INSERT OR UPDATE ON users.users
  FOR EACH ROW EXECUTE FUNCTION users.copy_name();
