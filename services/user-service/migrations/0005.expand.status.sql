ALTER TABLE users.users
  ADD COLUMN status text NOT NULL DEFAULT 'active' CONSTRAINT users_status CHECK (status IN ('active', 'suspended'));
