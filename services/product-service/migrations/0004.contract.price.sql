-- Release 1.0 runs nowhere any more.
DROP TRIGGER copy_price ON products.products;
DROP TRIGGER copy_price ON products.reservation_lines;
DROP FUNCTION products.copy_product_price();
DROP FUNCTION products.copy_line_price();
ALTER TABLE products.products DROP COLUMN price;
ALTER TABLE products.reservation_lines DROP COLUMN price;
