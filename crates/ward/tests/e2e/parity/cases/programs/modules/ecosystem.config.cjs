module.exports = {apps: [{name: 'a', script: 'esm/main.js'}, {name: 'b', script: 'main.mjs'}, {name: 'c', script: 'main.cjs'}, {name: 'd', script: 'esm/main.js', instances: 1}]};
