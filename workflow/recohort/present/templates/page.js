(function(){'use strict';
document.querySelectorAll('[data-table]').forEach(function(area){
var body=area.querySelector('tbody'),rows=[].slice.call(body.rows),status=area.querySelector('[role=status]'),search=area.querySelector('input'),on={};
function show(){var q=search?search.value.toLowerCase():'',n=0;
rows.forEach(function(r){var ok=Object.keys(on).every(function(k){return !on[k].length||on[k].indexOf(r.getAttribute('data-'+k))>=0})&&(!q||r.textContent.toLowerCase().indexOf(q)>=0);r.hidden=!ok;if(ok)n++});
status.textContent=n===rows.length?rows.length+' values':n+' of '+rows.length+' values'}
area.querySelectorAll('button[data-key]').forEach(function(b){b.addEventListener('click',function(){
var k=b.getAttribute('data-key'),v=b.getAttribute('data-value'),p=b.getAttribute('aria-pressed')!=='true';b.setAttribute('aria-pressed',p);
on[k]=(on[k]||[]).filter(function(x){return x!==v});if(p)on[k].push(v);show()})});
if(search)search.addEventListener('input',show);
area.querySelectorAll('th button').forEach(function(b){b.addEventListener('click',function(){
var th=b.parentNode,i=th.cellIndex,up=th.getAttribute('aria-sort')!=='ascending';
area.querySelectorAll('th[aria-sort]').forEach(function(t){t.setAttribute('aria-sort','none')});th.setAttribute('aria-sort',up?'ascending':'descending');
function key(r){var c=r.cells[i];return c.getAttribute('data-sort')||c.textContent.trim()}
rows.sort(function(a,b){var x=key(a),y=key(b),m=parseFloat(x),n=parseFloat(y);return(isNaN(m)||isNaN(n)?x.localeCompare(y):m-n)*(up?1:-1)});
rows.forEach(function(r){body.appendChild(r)})})});show()});
var shut=[];addEventListener('beforeprint',function(){shut=[].slice.call(document.querySelectorAll('details:not([open]):not(.bulk)'));shut.forEach(function(d){d.open=true})});
addEventListener('afterprint',function(){shut.forEach(function(d){d.open=false})});
})();
