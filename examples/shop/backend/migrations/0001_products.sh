# Products: slug, price in cents.
printf 'rope\t1200\nlantern\t2500\n' >"$DATABASE/products.tsv"
