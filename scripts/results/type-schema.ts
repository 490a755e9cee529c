import { type Checker, type Symbol, SymbolFlags, type Type, TypeFlags } from 'typescript/unstable/sync';

/** The part of JSON Schema that is written here. */
export interface Schema {
  $ref?: string;
  description?: string;
  type?: string;
  format?: string;
  const?: unknown;
  enum?: unknown[];
  items?: Schema | boolean;
  prefixItems?: Schema[];
  minItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
}

/** The properties of one member of a union of objects. */
export interface Variant {
  properties: Record<string, Schema>;
  required: string[];
}

/**
 * Converts TypeScript types to JSON Schema, for the output of JSON.stringify. Objects accept only the keys of their type.
 * Named types are collected in `definitions`.
 */
export class TypeSchemas {
  readonly definitions: Record<string, Schema> = {};
  readonly #names = new Map<number, string>();
  readonly #checker: Checker;

  constructor(checker: Checker) {
    this.#checker = checker;
  }

  /** The members of a union of objects, or the object itself. */
  variants(type: Type): Variant[] {
    const members = type.isUnionType() ? type.getTypes() : [type];
    return members.map((member) => this.#variant(member));
  }

  #variant(type: Type): Variant {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const symbol of this.#checker.getPropertiesOfType(type)) {
      const types = this.#written(this.#typeOf(symbol));
      if (types.length === 0) continue;
      const description = plainText(this.#checker.getDocumentationCommentOfSymbol(symbol));
      properties[symbol.name] = { ...(description !== '' && { description }), ...this.#union(types) };
      if (this.#isRequired(symbol)) required.push(symbol.name);
    }
    return { properties, required };
  }

  #typeOf(symbol: Symbol): Type {
    const type = this.#checker.getTypeOfSymbol(symbol);
    if (!type) throw new Error(`the property ${symbol.name} has no type`);
    return type;
  }

  #isRequired(symbol: Symbol): boolean {
    const isOptional = (symbol.flags & SymbolFlags.Optional) !== 0;
    return (
      !isOptional && this.#written(this.#typeOf(symbol)).length === membersOf(this.#typeOf(symbol)).length
    );
  }

  /** The members of a type that JSON.stringify writes; it omits undefined properties. */
  #written(type: Type): Type[] {
    return membersOf(type).filter(({ flags }) => (flags & (TypeFlags.Undefined | TypeFlags.Never)) === 0);
  }

  #union(types: readonly Type[]): Schema {
    const literals = types.flatMap((type) => (type.isLiteralType() ? [type.value] : []));
    const isBoolean = literals.includes(true) && literals.includes(false);
    const values = literals.filter((value) => !(isBoolean && typeof value === 'boolean'));
    const others = types.filter((type) => !type.isLiteralType()).map((type) => this.#schema(type));
    const schemas = [
      ...(isBoolean ? [{ type: 'boolean' }] : []),
      ...(values.length === 1
        ? [{ const: values[0] }]
        : values.length > 1
          ? [{ enum: values.toSorted() }]
          : []),
      ...new Map(others.map((schema) => [JSON.stringify(schema), schema])).values(),
    ];
    const [only] = schemas;
    return only && schemas.length === 1 ? only : { anyOf: schemas };
  }

  #schema(type: Type): Schema {
    const { flags } = type;
    if ((flags & (TypeFlags.Any | TypeFlags.Unknown)) !== 0) return {};
    if ((flags & (TypeFlags.String | TypeFlags.TemplateLiteral)) !== 0) return { type: 'string' };
    if ((flags & TypeFlags.Number) !== 0) return { type: 'number' };
    if ((flags & TypeFlags.Null) !== 0) return { type: 'null' };
    if ((flags & TypeFlags.NonPrimitive) !== 0) return { type: 'object' };
    if ((flags & (TypeFlags.Object | TypeFlags.Intersection)) !== 0) return this.#object(type);
    throw new Error(`no schema for the type ${this.#checker.typeToString(type)}`);
  }

  #object(type: Type): Schema {
    if (this.#checker.isArrayType(type) && type.isTypeReference()) {
      const [item] = this.#checker.getTypeArguments(type);
      return { type: 'array', ...(item && { items: this.#union(this.#written(item)) }) };
    }
    if (type.isTypeReference() && this.#checker.isTupleType(type)) {
      const items = this.#checker.getTypeArguments(type).map((item) => this.#union(this.#written(item)));
      return { type: 'array', prefixItems: items, minItems: items.length, items: false };
    }
    const name = (type.getAliasSymbol() ?? type.getSymbol())?.name;
    if (name === 'Date') return { type: 'string', format: 'date-time' };
    if (name === undefined || name.startsWith('__') || type.getAliasTypeArguments().length > 0) {
      return this.#members(type);
    }
    return { $ref: `#/$defs/${this.#define(type, name)}` };
  }

  /** The name of a type's definition. Another type with the same name gets a number. */
  #define(type: Type, name: string): string {
    const known = this.#names.get(type.id);
    if (known !== undefined) return known;
    let free = name;
    for (let count = 2; free in this.definitions; count++) free = `${name}${count}`;
    this.#names.set(type.id, free);
    this.definitions[free] = {};
    this.definitions[free] = this.#members(type);
    return free;
  }

  #members(type: Type): Schema {
    const methods = this.#checker
      .getPropertiesOfType(type)
      .filter(({ flags }) => (flags & SymbolFlags.Method) !== 0);
    if (methods.length > 0) throw new Error(`${this.#checker.typeToString(type)} is not plain data`);
    const [index] = this.#checker.getIndexInfosOfType(type);
    const { properties, required } = this.#variant(type);
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
      additionalProperties: index ? this.#union(this.#written(index.valueType)) : false,
    };
  }
}

function membersOf(type: Type): readonly Type[] {
  return type.isUnionType() ? type.getTypes() : [type];
}

/** A comment on one line. */
function plainText(comment: string): string {
  return comment.replaceAll(/\s+/g, ' ').trim();
}
