import { isMap, isScalar, isSeq, type Scalar, visit, type YAMLMap } from 'yaml';
import type { TemplateDocument } from '../template/document.ts';
import {
  INCLUDED_FILE,
  PACKAGED_PROPERTIES,
  PACKAGED_SECTIONS,
  type PackagedProperty,
} from './properties.ts';

/** A place of a template that names a local file or folder, or an object of S3 by a URL where AWS takes its parts. */
export interface LocalPath extends PackagedProperty {
  /** As a person calls it: `Handler.Code`. */
  name: string;
  /** As it is written. */
  value: string;
  /** 1-based. */
  line: number;
  /** Of the value in the document's source: the offset of its start, and of what follows it. */
  range: readonly [number, number];
}

/**
 * The local paths of a template that a deployment packages. What a function computes, and what AWS finds by itself
 * (`s3://…`, `https://…`, a dynamic reference), is left as it is. So is an absent property: awscli packages the folder
 * of the template for it, which for a function with InlineCode would upload the whole repository.
 */
export function findLocalPaths(document: TemplateDocument): LocalPath[] {
  const found: LocalPath[] = [];
  const add = (property: PackagedProperty, owner: string, holder: unknown): void => {
    const node: unknown = isMap(holder) ? holder.getIn(property.path.split('.'), true) : undefined;
    if (!isText(node) || !node.range) return;
    const value = node.value.trim();
    if (!isLocal(value) && !(typeof property.location === 'object' && value.startsWith('s3://'))) return;
    const [start, end] = node.range;
    const name = `${owner}.${property.path}`;
    found.push({ ...property, name, value, line: document.lineAt(start), range: [start, end] });
  };
  for (const { section, property } of PACKAGED_SECTIONS) {
    add(property, section.join('.'), document.node(section));
  }
  for (const { id, resource } of resourcesOf(document.node(['Resources']))) {
    const type = resource.get('Type');
    const properties = typeof type === 'string' ? (PACKAGED_PROPERTIES[type] ?? []) : [];
    for (const property of properties) add(property, id, resource.get('Properties', true));
  }
  visit(document.node([]) as YAMLMap, {
    Map: (_key, map) => {
      if (map.get('Name') === 'AWS::Include') add(INCLUDED_FILE, 'AWS::Include', map.get('Parameters', true));
    },
  });
  return found.sort((one, other) => one.range[0] - other.range[0]);
}

/** The resources of a section, those in the body of a loop included. */
function resourcesOf(section: unknown): { id: string; resource: YAMLMap }[] {
  if (!isMap(section)) return [];
  return section.items.flatMap(({ key, value }) => {
    const id = isScalar(key) ? String(key.value) : '';
    if (id.startsWith('Fn::ForEach::')) return isSeq(value) ? resourcesOf(value.items[2]) : [];
    return isMap(value) ? [{ id, resource: value }] : [];
  });
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string' && !node.tag?.startsWith('!');
}

function isLocal(value: string): boolean {
  return value !== '' && !/^(?:https?:\/\/|s3:\/\/|\{\{resolve:)/i.test(value);
}

/** Whether a template has a transform of its own, at the top or anywhere below. */
export function hasTransform(document: TemplateDocument): boolean {
  let found = false;
  visit(document.node([]) as YAMLMap, {
    Pair: (_key, { key }) => {
      const isTransform = isScalar(key) && (key.value === 'Transform' || key.value === 'Fn::Transform');
      found ||= isTransform;
      return isTransform ? visit.BREAK : undefined;
    },
    Map: (_key, { tag }) => {
      found ||= tag === '!Transform';
    },
  });
  return found;
}
