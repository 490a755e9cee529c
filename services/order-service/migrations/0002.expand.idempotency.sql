-- no transaction
-- The index is built while orders are written. A build that was broken off leaves an unusable index behind.
ALTER TABLE orders.orders ADD COLUMN IF NOT EXISTS idempotency_key text;

DROP INDEX CONCURRENTLY IF EXISTS orders.orders_idempotency;

CREATE UNIQUE INDEX CONCURRENTLY orders_idempotency ON orders.orders (user_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
