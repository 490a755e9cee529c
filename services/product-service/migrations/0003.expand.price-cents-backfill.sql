-- no transaction
-- Each statement on its own, so that no lock is held while the rows that were there are filled and checked.
UPDATE products.products SET price_cents = (price * 100)::integer WHERE price_cents IS NULL;

UPDATE products.reservation_lines SET unit_price_cents = (price * 100)::integer WHERE unit_price_cents IS NULL;

ALTER TABLE products.products DROP CONSTRAINT IF EXISTS products_price_cents;

-- First for new rows only, which is quick; then, by reading, for all.
ALTER TABLE products.products
  ADD CONSTRAINT products_price_cents CHECK (price_cents IS NOT NULL AND price_cents >= 0) NOT VALID;

ALTER TABLE products.products VALIDATE CONSTRAINT products_price_cents;
