-- Prices become whole cents. Release 1.0 reads and writes only `price`, release 1.1 only the cents; while both
-- run, a trigger copies what either writes.
ALTER TABLE products.products ADD COLUMN price_cents integer;
ALTER TABLE products.products ALTER COLUMN price DROP NOT NULL;
ALTER TABLE products.reservation_lines ADD COLUMN unit_price_cents integer;
ALTER TABLE products.reservation_lines ALTER COLUMN price DROP NOT NULL;

CREATE FUNCTION products.copy_product_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.price_cents := coalesce(NEW.price_cents, (NEW.price * 100)::integer);
    NEW.price := coalesce(NEW.price, NEW.price_cents / 100.0);
  ELSIF NEW.price_cents IS DISTINCT FROM OLD.price_cents THEN
    NEW.price := NEW.price_cents / 100.0;
  ELSIF NEW.price IS DISTINCT FROM OLD.price THEN
    NEW.price_cents := (NEW.price * 100)::integer;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION products.copy_line_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.unit_price_cents := coalesce(NEW.unit_price_cents, (NEW.price * 100)::integer);
  NEW.price := coalesce(NEW.price, NEW.unit_price_cents / 100.0);
  RETURN NEW;
END $$;

CREATE TRIGGER copy_price BEFORE INSERT OR UPDATE ON products.products
  FOR EACH ROW EXECUTE FUNCTION products.copy_product_price();
CREATE TRIGGER copy_price BEFORE INSERT ON products.reservation_lines
  FOR EACH ROW EXECUTE FUNCTION products.copy_line_price();
