module.exports = {apps: [{name: 'a', script: 'app.js', pmx: false}, {name: 'b', script: 'app.js', automation: false},
  {name: 'c', script: 'app.js', vizion: false, treekill: false, disable_source_map_support: true, trace: false}]};
