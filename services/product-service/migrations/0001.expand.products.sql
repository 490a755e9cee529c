CREATE TABLE products.products (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  sku         text NOT NULL CONSTRAINT products_sku UNIQUE,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  price       numeric(10, 2) NOT NULL CONSTRAINT products_price CHECK (price >= 0),
  stock       integer NOT NULL DEFAULT 0 CONSTRAINT products_stock CHECK (stock >= 0),
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products.reservations (
  order_id   uuid PRIMARY KEY,
  status     text NOT NULL CONSTRAINT reservations_status CHECK (status IN ('reserved', 'released')),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products.reservation_lines (
  order_id   uuid NOT NULL REFERENCES products.reservations,
  product_id uuid NOT NULL REFERENCES products.products,
  quantity   integer NOT NULL CONSTRAINT reservation_lines_quantity CHECK (quantity > 0),
  price      numeric(10, 2) NOT NULL,
  PRIMARY KEY (order_id, product_id)
);
