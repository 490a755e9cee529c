import { Type } from 'typebox';
import type { Static } from 'typebox';

const email = Type.String({ format: 'email', maxLength: 254, description: 'Unique, ignoring case.' });
const displayName = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' });
const status = Type.Enum(['active', 'suspended'], { description: 'A suspended user cannot order.' });

export const User = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    email: Type.String(),
    displayName: Type.String(),
    status,
    createdAt: Type.String({ format: 'date-time' }),
  },
  { title: 'User' },
);
export type User = Static<typeof User>;

export const NewUser = Type.Object({ email, displayName }, { additionalProperties: false });
export type NewUser = Static<typeof NewUser>;

export const UserChange = Type.Object(
  { displayName: Type.Optional(displayName), status: Type.Optional(status) },
  { additionalProperties: false, minProperties: 1 },
);
export type UserChange = Static<typeof UserChange>;
