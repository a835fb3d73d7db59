// The shape of odota/core: keys of its own, chosen by a variable.
const apps = [
  {name: 'web', group: 'backend', role_override: 'www'},
  {name: 'parser', group: 'parse', health_exempt: true},
  {name: 'retriever', group: 'backend'},
].filter((app) => !process.env.GROUP || process.env.GROUP === app.group);
module.exports = {apps: apps.map((app) => ({...app, script: 'app.js', exec_mode: 'fork', instances: 1,
  env: {ROLE: app.role_override || app.name, NODE_ENV: process.env.NODE_ENV}}))};
