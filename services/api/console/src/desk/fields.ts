// A JSON Schema of a register entry as the fields of a form. Pure: no field is named here, so a
// field that is added to a register shows by itself.

export interface Schema {
  type?: string;
  format?: string;
  enum?: string[];
  const?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema | false;
  prefixItems?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  anyOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  description?: string;
}

// person: an identifier. persons, members: lists of them; members may be mere names. json: whatever
// no control of this form can hold, such as a geometry.
export type Kind =
  | "text" | "long" | "number" | "integer" | "yes-no" | "choice" | "instant" | "day"
  | "texts" | "choices" | "person" | "persons" | "members" | "point" | "group" | "pairs" | "json";

export interface Field {
  name: string;
  kind: Kind;
  required: boolean;
  options: readonly string[];
  pattern?: string;
  maxLength?: number;
  least?: number;
  most?: number;
  // What a group is made of.
  fields: readonly Field[];
}

const LONG = 300;
// Days as texts: the contract says so of these, and their schema only that they are short.
const DAYS = new Set(["exposure_date", "last_day"]);

// The fields of an entry, those that must be given first, each in the order of the schema. The id
// is not among them: it is in the path. What has one value only is not asked.
export function fieldsOf(schema: Schema): Field[] {
  return fieldsIn(schema, schema.$defs ?? {}).filter((field) => field.name !== "id");
}

// What has one value only, and goes with every entry.
export function constantsOf(schema: Schema): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema.properties ?? {}).flatMap(([name, one]) => (one.const === undefined ? [] : [[name, one.const]])));
}

function fieldsIn(schema: Schema, defs: Record<string, Schema>): Field[] {
  const required = new Set(schema.required ?? []);
  const found = Object.entries(schema.properties ?? {})
    .filter(([, one]) => one.const === undefined)
    .map(([name, one]) => field(name, one, required.has(name), defs));
  return [...found.filter((one) => one.required), ...found.filter((one) => !one.required)];
}

function field(name: string, given: Schema, required: boolean, defs: Record<string, Schema>): Field {
  const schema = plain(given, defs);
  const kind = kindOf(name, schema, defs);
  const item = kind === "choices" ? plain(schema.items || {}, defs) : schema;
  return {
    name,
    kind,
    required,
    options: item.enum ?? [],
    fields: kind === "group" ? fieldsIn(schema, defs) : [],
    ...(schema.pattern === undefined ? {} : { pattern: schema.pattern }),
    ...(schema.maxLength === undefined ? {} : { maxLength: schema.maxLength }),
    ...(schema.minimum === undefined && schema.exclusiveMinimum === undefined ? {} : { least: schema.minimum ?? schema.exclusiveMinimum ?? 0 }),
    ...(schema.maximum === undefined ? {} : { most: schema.maximum }),
  };
}

function kindOf(name: string, schema: Schema, defs: Record<string, Schema>): Kind {
  if (isPerson(schema)) return "person";
  if (schema.enum) return "choice";
  switch (schema.type) {
    case "string":
      if (schema.format === "date-time") return "instant";
      if (DAYS.has(name)) return "day";
      return (schema.maxLength ?? 0) > LONG ? "long" : "text";
    case "boolean":
      return "yes-no";
    case "integer":
      return "integer";
    case "number":
      return "number";
    case "array":
      return listKind(schema, defs);
    case "object":
      if (schema.properties && !hasLists(schema, defs)) return "group";
      return schema.additionalProperties && typeof schema.additionalProperties === "object" && plain(schema.additionalProperties, defs).type === "string" ? "pairs" : "json";
    default:
      return "json";
  }
}

function listKind(schema: Schema, defs: Record<string, Schema>): Kind {
  if (schema.prefixItems?.length === 2) return "point";
  if (!schema.items) return "json";
  const options = (schema.items.anyOf ?? [schema.items]).map((one) => plain(one, defs));
  if (options.some(isPerson)) return options.length > 1 ? "members" : "persons";
  const [item] = options;
  if (options.length > 1 || item?.type !== "string") return item?.enum ? "choices" : "json";
  return item.enum ? "choices" : "texts";
}

const isPerson = (schema: Schema): boolean => schema.properties !== undefined && "id_number" in schema.properties && "person" in schema.properties;
const hasLists = (schema: Schema, defs: Record<string, Schema>): boolean =>
  Object.values(schema.properties ?? {}).some((one) => ["array", "object"].includes(plain(one, defs).type ?? ""));

// What a schema says once `null` and references are out of the way.
function plain(schema: Schema, defs: Record<string, Schema>): Schema {
  if (schema.$ref !== undefined) {
    const named = defs[schema.$ref.replace("#/$defs/", "")];
    return named === undefined ? {} : plain(named, defs);
  }
  const options = (schema.anyOf ?? []).filter((one) => one.type !== "null");
  const [only] = options;
  return options.length === 1 && only !== undefined ? plain(only, defs) : schema;
}
