CREATE TABLE orders.orders (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id        uuid NOT NULL,
  status         text NOT NULL DEFAULT 'pending'
                 CONSTRAINT orders_status CHECK (status IN ('pending', 'confirmed', 'cancelling', 'cancelled')),
  total_cents    integer,
  failure_reason text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT orders_total CHECK (status <> 'confirmed' OR total_cents IS NOT NULL)
);

CREATE INDEX orders_by_user ON orders.orders (user_id, created_at DESC);
CREATE INDEX orders_unsettled ON orders.orders (created_at) WHERE status IN ('pending', 'cancelling');

CREATE TABLE orders.order_lines (
  order_id         uuid NOT NULL REFERENCES orders.orders,
  product_id       uuid NOT NULL,
  quantity         integer NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity > 0),
  name             text,
  unit_price_cents integer,
  PRIMARY KEY (order_id, product_id)
);
