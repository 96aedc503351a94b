// Prints what AWS's published specification says of resource types, as JSON:
//
//	node spec.mjs AWS::S3::Bucket …
//
// {resources: {TYPE: {properties, attributes}}, definitions: {ID: {name, properties}}}
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';

const db = loadAwsServiceSpecSync();
const out = { resources: {}, definitions: {} };

function type(t) {
  switch (t.type) {
    case 'ref':
      define(t.reference.$ref);
      return { type: 'ref', ref: t.reference.$ref };
    case 'array':
    case 'map':
      return { type: t.type, element: type(t.element) };
    case 'union':
      return { type: 'union', types: t.types.map(type) };
    default:
      return { type: t.type };
  }
}

function properties(all) {
  return Object.fromEntries(Object.entries(all).map(([name, p]) => [name, { required: p.required === true, type: type(p.type) }]));
}

function define(id) {
  if (out.definitions[id]) return;
  const d = db.get('typeDefinition', id);
  out.definitions[id] = { name: d.name }; // before its properties: a type may hold itself
  out.definitions[id].properties = properties(d.properties);
}

for (const name of process.argv.slice(2)) {
  for (const r of db.lookup('resource', 'cloudFormationType', 'equals', name)) {
    out.resources[name] = { properties: properties(r.properties), attributes: Object.keys(r.attributes) };
  }
}
process.stdout.write(JSON.stringify(out));
