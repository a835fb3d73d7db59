module.exports = {apps: [{name: 'a', script: 'app.js', env: {NUMBER: 1.5, YES: true, NO: false, EMPTY: '', LIST: [1, 'two'], MAP: {x: {y: 1}}, LINES: 'a\nb',
  QUOTES: '"\'', UNICODE: 'käse', NOTHING: null, MISSING: undefined, BIG: 12345678901234567890}}]};
